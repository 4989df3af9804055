"""The Mix Transformer (SegFormer, Xie et al. 2021, section 3.1): a pyramid of transformer stages."""

import math

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.errors import UserError
from ms_ovs.nn.activation import GELU
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.drop import DropPath
from ms_ovs.nn.init import kaiming
from ms_ovs.nn.norm import ChannelNorm
from ms_ovs.nn.product import Product
from ms_ovs.nn.softmax import Softmax

LINEAR_DEVIATION = 0.02


class OverlapPatchEmbedding(nn.Cell):
    """(B, inputs, H, W) → (B, width, H/stride, W/stride): overlapping windows, normed."""

    def __init__(self, inputs: int, width: int, *, kernel: int, stride: int, norm_epsilon: float):
        super().__init__()
        self.conv = conv2d(inputs, width, kernel, stride=stride, padding=kernel // 2, bias=True)
        self.norm = ChannelNorm(width, epsilon=norm_epsilon)

    def construct(self, x):
        return self.norm(self.conv(x))


class ReducedAttention(Product):
    """Self-attention of pixels whose keys and values are on a grid `reduction` times smaller.

    (B, width, H, W) → the same. The grid of keys is that of a convolution whose kernel and stride are
    `reduction`: what is left over at the right and below is not seen. Linear layers are 1×1 convolutions.
    """

    def __init__(self, *, width: int, heads: int, reduction: int, norm_epsilon: float):
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.scale = self.head_width**-0.5
        self.q = conv2d(width, width, 1, bias=True)
        self.kv = conv2d(width, 2 * width, 1, bias=True)
        self.reduce, self.norm = None, None
        if reduction > 1:
            self.reduce = conv2d(width, width, reduction, stride=reduction, bias=True)
            self.norm = ChannelNorm(width, epsilon=norm_epsilon)
        self.proj = conv2d(width, width, 1, bias=True)
        self.softmax = Softmax()
        self.scores = ops.BatchMatMul(transpose_a=True)
        self.mix = ops.BatchMatMul(transpose_b=True)

    def construct(self, x):
        batch, width, height, columns = x.shape
        seen = x if self.reduce is None else self.norm(self.reduce(x))
        # (B, C, H, W) → (B, heads, C / heads, H W); keys and values have N' pixels
        query = (self.q(x) * self.scale).reshape(batch, self.heads, self.head_width, height * columns)
        key, value = ops.split(self.kv(seen), width, 1)
        key = key.reshape(batch, self.heads, self.head_width, -1)
        value = value.reshape(batch, self.heads, self.head_width, -1)
        # (B, heads, H W, N')
        scores = self.scores(self.low(query), self.low(key)).astype(ms.float32)
        mixed = self.mix(self.low(value), self.low(self.softmax(scores))).astype(ms.float32)
        return self.proj(mixed.reshape(batch, width, height, columns))


class MixFFN(nn.Cell):
    """(B, width, H, W) → the same: wider by `ratio`, a depthwise 3×3, exact GELU, back to the width."""

    def __init__(self, width: int, *, ratio: int):
        super().__init__()
        inner = ratio * width
        self.fc1 = conv2d(width, inner, 1, bias=True)
        self.dwconv = conv2d(inner, inner, 3, padding=1, groups=inner, bias=True)
        self.act = GELU()
        self.fc2 = conv2d(inner, width, 1, bias=True)

    def construct(self, x):
        return self.fc2(self.act(self.dwconv(self.fc1(x))))


class Block(nn.Cell):
    """x += drop(attention(norm(x))); x += drop(ffn(norm(x))). (B, width, H, W) → the same."""

    def __init__(
        self, *, width: int, heads: int, reduction: int, ratio: int, norm_epsilon: float, drop_path: float
    ):
        super().__init__()
        self.norm1 = ChannelNorm(width, epsilon=norm_epsilon)
        self.attn = ReducedAttention(width=width, heads=heads, reduction=reduction, norm_epsilon=norm_epsilon)
        self.norm2 = ChannelNorm(width, epsilon=norm_epsilon)
        self.ffn = MixFFN(width, ratio=ratio)
        self.drop = DropPath(drop_path)

    def construct(self, x):
        x = x + self.drop(self.attn(self.norm1(x)))
        return x + self.drop(self.ffn(self.norm2(x)))


class Stage(nn.Cell):
    """(B, inputs, H, W) → (B, width, H/stride, W/stride): patch embedding, blocks, a norm."""

    def __init__(self, config: MiTConfig, level: int, rates: list[float]):
        super().__init__()
        width = config.widths[level]
        self.embedding = OverlapPatchEmbedding(
            config.widths[level - 1] if level else 3,
            width,
            kernel=config.kernels[level],
            stride=config.strides[level],
            norm_epsilon=config.norm_epsilon,
        )
        self.blocks = nn.SequentialCell(
            [
                Block(
                    width=width,
                    heads=config.heads[level],
                    reduction=config.reductions[level],
                    ratio=config.mlp_ratio,
                    norm_epsilon=config.norm_epsilon,
                    drop_path=rate,
                )
                for rate in rates
            ]
        )
        self.norm = ChannelNorm(width, epsilon=config.norm_epsilon)

    def construct(self, x):
        return self.norm(self.blocks(self.embedding(x)))


class MixTransformer(nn.Cell):
    """Images float32 (B, 3, H, W) → the outputs of the four stages, named in `TAPS`, at 1/4, 1/8, 1/16, 1/32.

    Any size from `least` pixels a side on will do; grids are rounded up. Raises `UserError` below it.
    """

    TAPS = ("stage1", "stage2", "stage3", "stage4")

    def __init__(self, config: MiTConfig):
        super().__init__()
        self.config = config
        self.channels = config.widths
        self.least = _least(config)
        rates = np.linspace(0, config.drop_path, sum(config.depths)).tolist()
        starts = np.cumsum((0, *config.depths)).tolist()
        self.stage1, self.stage2, self.stage3, self.stage4 = (
            Stage(config, level, rates[starts[level] : starts[level + 1]]) for level in range(4)
        )

    def deviation(self, parameter: Parameter) -> float:
        """That of the initial weights, as in mmsegmentation."""
        if ".attn." in parameter.name and ".reduce." not in parameter.name:
            return LINEAR_DEVIATION
        if ".dwconv." in parameter.name:
            return math.sqrt(2 / (parameter.size // len(parameter)))  # each channel has its own fan-out
        return kaiming(parameter)

    def check(self, image: tuple[int, ...]) -> None:
        """Raise `UserError` for an image of a shape in which attention would see no keys."""
        height, width = image[-2:]
        if min(height, width) < self.least:
            raise UserError(
                f"image of {height}×{width} pixels: this network takes {self.least} or more in both axes; "
                "enlarge or pad the image"
            )

    def __call__(self, image):
        self.check(image.shape)
        return super().__call__(image)

    def stages(self, image):
        """The results named in `TAPS`."""
        stage1 = self.stage1(image)
        stage2 = self.stage2(stage1)
        stage3 = self.stage3(stage2)
        return stage1, stage2, stage3, self.stage4(stage3)

    def construct(self, image):
        return self.stages(image)


def _least(config: MiTConfig) -> int:
    """The smallest side for which every stage has a grid that its reduction leaves something of."""
    least, step = 1, 1
    for stride, reduction in zip(config.strides, config.reductions, strict=True):
        step *= stride
        least = max(least, step * (reduction - 1) + 1)
    return least
