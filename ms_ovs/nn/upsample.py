"""The transposed convolution whose kernel equals its stride, as what it is: one matrix product."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, ops

from ms_ovs.nn.product import Product


class BlockUpsample(Product):
    """(B, C, H, W) → (B, C, H·k, W·k): every pixel becomes a block of k × k.

    Weight (C, C, k, k) and bias as a transposed convolution of kernel and stride k has them.
    """

    def __init__(self, channels: int, factor: int):
        super().__init__()
        self.factor = factor
        self.weight = Parameter(np.zeros((channels, channels, factor, factor), np.float32))
        self.bias = Parameter(np.zeros(channels, np.float32))

    def construct(self, x):
        batch, channels, height, width = x.shape
        k = self.factor
        # (B, C, H, W) → (B, C k k, H W): the product sums over the input channels
        kernel = ops.transpose(self.weight.reshape(channels, -1), (1, 0))
        pixels = x.reshape(batch, channels, height * width)
        blocks = ops.matmul(self.low(kernel), self.low(pixels)).astype(ms.float32)
        # (B, C, k, k, H, W) → (B, C, H k, W k)
        blocks = blocks.reshape(batch, channels, k, k, height, width)
        blocks = ops.transpose(blocks, (0, 1, 4, 2, 5, 3)).reshape(batch, channels, height * k, width * k)
        return blocks + self.bias.reshape(1, -1, 1, 1)
