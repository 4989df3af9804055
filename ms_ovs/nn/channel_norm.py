"""Layer norm over the channels of a map."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops


class ChannelNorm(nn.Cell):
    """(B, C, H, W) → the same: each pixel is normed over its channels, as `LayerNorm` does for tokens.

    The sums are matrix products, which on a CPU take half the time of reductions along this axis. Maps stay
    as convolutions have them, so a transformer of convolutions never transposes.
    """

    def __init__(self, channels: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(channels, np.float32))
        self.beta = Parameter(np.zeros(channels, np.float32))
        self.epsilon = epsilon
        self.average = Tensor(np.full((1, channels), 1 / channels), ms.float32)
        self.add = ops.BiasAdd()

    def construct(self, x):
        batch, channels, height, width = x.shape
        # (B, C, H, W) → (B, C, HW); the compiler has no gradient for one row times a batch of one
        columns = x.reshape(*((batch,) if batch > 1 else ()), channels, height * width)
        centred = columns - ops.matmul(self.average, columns)
        variance = ops.matmul(self.average, centred * centred)
        scale = ops.matmul(self.gamma.reshape(channels, 1), ops.rsqrt(variance + self.epsilon))
        return self.add((centred * scale).reshape(x.shape), self.beta)
