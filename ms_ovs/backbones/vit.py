"""The plain vision transformer (Dosovitskiy et al. 2021) as timm has it, at any input size."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.nn.patch_embedding import PatchEmbedding
from ms_ovs.nn.resize import bilinear
from ms_ovs.nn.transformer import Block


class VisionTransformer(nn.Cell):
    """(B, 3, H, W) → (position embedding, tokens after each block of `hooks`).

    The position embedding (1, 1 + grid², width) is resized to the patch grid of the input: bilinear,
    half-pixel centres, no antialiasing. Tokens (B, 1 + H/p · W/p, width), class token first, are the
    raw outputs of the hooked blocks, before any norm.
    """

    def __init__(
        self,
        *,
        patch_size: int,
        width: int,
        layers: int,
        heads: int,
        grid: int,
        norm_epsilon: float,
        hooks: tuple[int, ...],
    ):
        super().__init__()
        self.patch_size = patch_size
        self.grid = grid
        self.hooks = hooks
        self.patch_embedding = PatchEmbedding(patch_size=patch_size, width=width, bias=True)
        self.class_token = Parameter(np.zeros((1, 1, width), np.float32))
        self.position_embedding = Parameter(np.zeros((1, 1 + grid * grid, width), np.float32))
        self.blocks = nn.CellList(
            [
                Block(width=width, heads=heads, activation="gelu", norm_epsilon=norm_epsilon)
                for _ in range(layers)
            ]
        )

    def resized_position_embedding(self, size: tuple[int, int]):
        """The position embedding for a grid of `size` (rows, columns)."""
        width = self.position_embedding.shape[-1]
        class_row = self.position_embedding[:, :1]
        # (1, grid², C) → (1, C, grid, grid) → (1, C, rows, columns) → (1, rows · columns, C)
        rows = self.position_embedding[:, 1:].reshape(1, self.grid, self.grid, width)
        rows = bilinear(ops.transpose(rows, (0, 3, 1, 2)), size, align_corners=False)
        rows = ops.transpose(rows.reshape(1, width, -1), (0, 2, 1))
        return ops.concat((class_row, rows), 1)

    def construct(self, image):
        batch, _, height, width = image.shape
        position = self.resized_position_embedding((height // self.patch_size, width // self.patch_size))
        x = self.patch_embedding(image)
        class_token = ops.tile(self.class_token, (batch, 1, 1))
        x = ops.concat((class_token, x), 1) + position
        taps = ()
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.hooks:
                taps = (*taps, x)
        return position, taps
