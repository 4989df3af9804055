"""Layer norm over the channels of a map."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.nn.kernels import built, kernel


class ChannelNorm(nn.Cell):
    """(B, C, H, W) → the same: each pixel is normed over its channels, as `LayerNorm` does for tokens.

    Maps stay as convolutions have them, so a transformer of convolutions never transposes.
    """

    def __init__(self, channels: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(channels, np.float32))
        self.beta = Parameter(np.zeros(channels, np.float32))
        self.epsilon = epsilon
        self.norm = ChannelNormKernel(epsilon) if built() else ChannelNormProducts(channels, epsilon)

    def construct(self, x):
        return self.norm(x, self.gamma, self.beta)


class ChannelNormKernel(nn.Cell):
    """x (B, C, H, W), gamma (C), beta (C) → (B, C, H, W), by kernels of our own."""

    def __init__(self, epsilon: float):
        super().__init__()
        self.epsilon = Tensor([epsilon], ms.float32)
        self.normed = kernel("channel_norm", lambda x, gamma, beta, epsilon: x)
        self.gradients = kernel(
            "channel_norm_gradients", lambda x, gamma, epsilon, dout: (x, gamma, gamma), results=3
        )

    def construct(self, x, gamma, beta):
        return self.normed(x, gamma, beta, self.epsilon)

    def bprop(self, x, gamma, beta, out, dout):
        return self.gradients(x, gamma, self.epsilon, dout)


class ChannelNormProducts(nn.Cell):
    """The same by matrix products, which on a CPU take half the time of reductions along this axis."""

    def __init__(self, channels: int, epsilon: float):
        super().__init__()
        self.epsilon = epsilon
        self.average = Tensor(np.full((1, channels), 1 / channels), ms.float32)
        self.add = ops.BiasAdd()

    def construct(self, x, gamma, beta):
        batch, channels, height, width = x.shape
        # (B, C, H, W) → (B, C, HW); the compiler has no gradient for one row times a batch of one
        columns = x.reshape(*((batch,) if batch > 1 else ()), channels, height * width)
        centred = columns - ops.matmul(self.average, columns)
        variance = ops.matmul(self.average, centred * centred)
        scale = ops.matmul(gamma.reshape(channels, 1), ops.rsqrt(variance + self.epsilon))
        return self.add((centred * scale).reshape(x.shape), beta)
