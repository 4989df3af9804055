"""CLIP's ResNet (paper, section 2.4): deep stem, average pools for strides, attention pooling."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.nn.bottleneck import EXPANSION, stage
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import Linear, batch_norm


class PoolProjections(nn.Cell):
    """The four projections of an attention pool, and the attention that they make."""

    def __init__(self, *, width: int, heads: int, outputs: int):
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.q_proj = Linear(width, width)
        self.k_proj = Linear(width, width)
        self.v_proj = Linear(width, width)
        self.c_proj = Linear(width, outputs)

    def attend(self, queries, tokens):
        """(B, M, C) look at (B, N, C) → (B, M, outputs)."""
        batch, count, width = queries.shape
        query = self._split_heads(self.q_proj(queries)) * self.head_width**-0.5
        key = self._split_heads(self.k_proj(tokens))
        value = self._split_heads(self.v_proj(tokens))
        weights = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))), -1)
        # (B, heads, M, C / heads) → (B, M, C)
        mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
        return self.c_proj(mixed.reshape(batch, count, width))

    def _split_heads(self, x):
        """(B, N, C) → (B, heads, N, C / heads)."""
        x = x.reshape(x.shape[0], x.shape[1], self.heads, self.head_width)
        return ops.transpose(x, (0, 2, 1, 3))


def cells_of(x):
    """The places of a map as tokens: (B, C, h, w) → (B, h w, C)."""
    return ops.transpose(x.reshape(x.shape[0], x.shape[1], -1), (0, 2, 1))


def with_mean(cells):
    """(B, N, C) → (B, 1 + N, C): the mean of the tokens in front of them."""
    return ops.concat((ops.mean(cells, 1, True), cells), 1)


class AttentionPool(PoolProjections):
    """(B, C, g, g) → (B, outputs): attention whose one query is the mean of the grid."""

    def __init__(self, *, grid: int, width: int, heads: int, outputs: int):
        super().__init__(width=width, heads=heads, outputs=outputs)
        self.positional_embedding = Parameter(np.zeros((1 + grid * grid, width), np.float32))

    def construct(self, x):
        tokens = with_mean(cells_of(x)) + self.positional_embedding
        return self.attend(tokens[:, :1], tokens)[:, 0]


class CLIPResNetMaps(nn.Cell):
    """(B, 3, H, W) → stem and the four stages, NCHW, at 1/4, 1/4, 1/8, 1/16 and 1/32 of the input.

    `width` is that of the stem; the last stage has 32 times as many channels.
    """

    def __init__(self, *, width: int, layers: tuple[int, int, int, int]):
        super().__init__()
        self.conv1 = conv2d(3, width // 2, 3, stride=2, padding=1)
        self.bn1 = batch_norm(width // 2)
        self.conv2 = conv2d(width // 2, width // 2, 3, padding=1)
        self.bn2 = batch_norm(width // 2)
        self.conv3 = conv2d(width // 2, width, 3, padding=1)
        self.bn3 = batch_norm(width)
        self.relu = nn.ReLU()
        self.pool = nn.AvgPool2d(2, 2, pad_mode="valid")
        self.layer1 = stage(width, width, layers[0], stride=1, pooled=True)
        self.layer2 = stage(EXPANSION * width, 2 * width, layers[1], stride=2, pooled=True)
        self.layer3 = stage(EXPANSION * 2 * width, 4 * width, layers[2], stride=2, pooled=True)
        self.layer4 = stage(EXPANSION * 4 * width, 8 * width, layers[3], stride=2, pooled=True)

    def maps(self, image):
        """Stem and the four stages."""
        x = self.relu(self.bn1(self.conv1(image)))
        x = self.relu(self.bn2(self.conv2(x)))
        stem = self.pool(self.relu(self.bn3(self.conv3(x))))
        layer1 = self.layer1(stem)
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return stem, layer1, layer2, layer3, self.layer4(layer3)


class CLIPResNet(CLIPResNetMaps):
    """(B, 3, n, n) → features (B, embed_dim), not normalised; n is the resolution of the variant."""

    TAPS = (
        "visual_stem",
        "visual_layer1",
        "visual_layer2",
        "visual_layer3",
        "visual_layer4",
        "image_features",
    )

    def __init__(
        self, *, resolution: int, width: int, layers: tuple[int, int, int, int], heads: int, embed_dim: int
    ):
        super().__init__(width=width, layers=layers)
        self.attnpool = AttentionPool(
            grid=resolution // 32, width=EXPANSION * 8 * width, heads=heads, outputs=embed_dim
        )

    def stages(self, image):
        """The results named in `TAPS`; maps are NCHW."""
        stem, layer1, layer2, layer3, layer4 = self.maps(image)
        return stem, layer1, layer2, layer3, layer4, self.attnpool(layer4)

    def construct(self, image):
        return self.stages(image)[-1]
