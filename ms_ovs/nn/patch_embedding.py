"""The convolution whose kernel equals its stride, as what it is: one matrix product."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, ops

from ms_ovs.nn.product import Product


class PatchEmbedding(Product):
    """(B, 3, H, W) → (B, H/p · W/p, width). Weight (width, 3, p, p), as the convolution has it."""

    def __init__(self, *, patch_size: int, width: int, bias: bool):
        super().__init__()
        self.patch_size = patch_size
        self.has_bias = bias
        self.weight = Parameter(np.zeros((width, 3, patch_size, patch_size), np.float32))
        if bias:
            self.bias = Parameter(np.zeros(width, np.float32))

    def construct(self, image):
        batch, channels, height, width = image.shape
        p = self.patch_size
        # (B, C, H, W) → (B, H/p, W/p, C, p, p) → (B, N, C p p)
        patches = image.reshape(batch, channels, height // p, p, width // p, p)
        patches = ops.transpose(patches, (0, 2, 4, 1, 3, 5))
        patches = patches.reshape(batch, -1, channels * p * p)
        weight = ops.transpose(self.weight.reshape(-1, channels * p * p), (1, 0))
        tokens = ops.matmul(self.low(patches), self.low(weight)).astype(ms.float32)
        if self.has_bias:
            tokens = tokens + self.bias
        return tokens
