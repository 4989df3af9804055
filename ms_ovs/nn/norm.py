"""Layer norm of tokens and of maps, and vectors of length 1."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.nn.kernels import built, kernel


class LayerNorm(nn.Cell):
    """(…, width) → (…, width), with population variance; the epsilon is part of a model's identity."""

    def __init__(self, width: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(width, np.float32))
        self.beta = Parameter(np.zeros(width, np.float32))
        self.epsilon = epsilon
        self.ours = NormKernel("layer_norm", epsilon) if built() else None
        self.theirs = ops.LayerNorm(-1, -1, epsilon)

    def construct(self, x):
        if self.ours is None:
            return self.theirs(x, self.gamma, self.beta)[0]
        return self.ours(x, self.gamma, self.beta)


class ChannelNorm(nn.Cell):
    """(B, C, H, W) → the same: each pixel is normed over its channels, as `LayerNorm` does for tokens.

    Maps stay as convolutions have them, so a transformer of convolutions never transposes.
    """

    def __init__(self, channels: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(channels, np.float32))
        self.beta = Parameter(np.zeros(channels, np.float32))
        self.epsilon = epsilon
        self.ours = NormKernel("channel_norm", epsilon) if built() else None
        self.average = Tensor(np.full((1, channels), 1 / channels), ms.float32)
        self.add = ops.BiasAdd()

    def products(self, x):
        """The norm as matrix products, which on a CPU take half the time of reductions along this axis."""
        batch, channels, height, width = x.shape
        # (B, C, H, W) → (B, C, HW); the compiler has no gradient for one row times a batch of one
        columns = x.reshape(*((batch,) if batch > 1 else ()), channels, height * width)
        centred = columns - ops.matmul(self.average, columns)
        variance = ops.matmul(self.average, centred * centred)
        scale = ops.matmul(self.gamma.reshape(channels, 1), ops.rsqrt(variance + self.epsilon))
        return self.add((centred * scale).reshape(x.shape), self.beta)

    def construct(self, x):
        return self.products(x) if self.ours is None else self.ours(x, self.gamma, self.beta)


class NormKernel(nn.Cell):
    """x, gamma, beta → x normed, by a kernel of our own and its gradients."""

    def __init__(self, name: str, epsilon: float):
        super().__init__()
        self.epsilon = Tensor([epsilon], ms.float32)
        self.normed = kernel(name, lambda x, gamma, beta, epsilon: x)
        self.gradients = kernel(
            f"{name}_gradients", lambda x, gamma, epsilon, dout: (x, gamma, gamma), results=3
        )

    def construct(self, x, gamma, beta):
        return self.normed(x, gamma, beta, self.epsilon)

    def bprop(self, x, gamma, beta, out, dout):
        return self.gradients(x, gamma, self.epsilon, dout)


def unit(x, axis: int = -1):
    """`x` divided by its plain 2-norm along `axis`, without an epsilon (as CLIP and LSeg have it)."""
    return x / ops.sqrt(ops.sum(x * x, axis, True))
