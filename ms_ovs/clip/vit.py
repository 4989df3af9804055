"""CLIP's vision transformer: no bias in the patch embedding, a norm before the blocks, a projection."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.nn.norm import LayerNorm
from ms_ovs.nn.patch_embedding import PatchEmbedding
from ms_ovs.nn.transformer import Block


class CLIPVisionTransformer(nn.Cell):
    """(B, 3, n, n) → features (B, embed_dim), not normalised; n is the resolution of the variant."""

    TAPS = ("visual_ln_pre", "visual_block_0", "visual_block_last", "image_features")

    def __init__(
        self,
        *,
        resolution: int,
        patch_size: int,
        width: int,
        layers: int,
        heads: int,
        embed_dim: int,
        activation: str,
        norm_epsilon: float,
    ):
        super().__init__()
        grid = resolution // patch_size
        self.patch_embedding = PatchEmbedding(patch_size=patch_size, width=width, bias=False)
        self.class_embedding = Parameter(np.zeros(width, np.float32))
        self.positional_embedding = Parameter(np.zeros((1 + grid * grid, width), np.float32))
        self.ln_pre = LayerNorm(width, epsilon=norm_epsilon)
        self.blocks = nn.CellList(
            [
                Block(width=width, heads=heads, activation=activation, norm_epsilon=norm_epsilon)
                for _ in range(layers)
            ]
        )
        self.ln_post = LayerNorm(width, epsilon=norm_epsilon)
        self.projection = Parameter(np.zeros((width, embed_dim), np.float32))

    def stages(self, image):
        """The results named in `TAPS`; tokens are (B, 1 + grid², width), class token first."""
        batch = image.shape[0]
        class_token = ops.tile(self.class_embedding.reshape(1, 1, -1), (batch, 1, 1))
        x = ops.concat((class_token, self.patch_embedding(image)), 1) + self.positional_embedding
        ln_pre = self.ln_pre(x)
        x = self.blocks[0](ln_pre)
        first = x
        for block in self.blocks[1:]:
            x = block(x)
        features = ops.matmul(self.ln_post(x[:, 0]), self.projection)
        return ln_pre, first, x, features

    def construct(self, image):
        return self.stages(image)[-1]
