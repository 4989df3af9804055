"""Activations, by name."""

import math

from mindspore import nn, ops

from ms_ovs.errors import choose
from ms_ovs.nn.platform import on_cpu


class QuickGELU(nn.Cell):
    """x · sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def construct(self, x):
        return x * ops.sigmoid(1.702 * x)


class GELU(nn.Cell):
    """x · Φ(x), exact: the form with the error function, not the one with tanh."""

    def __init__(self):
        super().__init__()
        self.phi = FittedPhi() if on_cpu() else None

    def construct(self, x):
        return ops.gelu(x, "none") if self.phi is None else x * self.phi(x)


class FittedPhi(nn.Cell):
    """Φ, the normal distribution, for the CPU, where erf takes a tenth of a transformer block.

    Φ(x) = sigmoid(x p(x²)). p was fitted by weighted least squares, towards the smallest greatest error of
    x Φ(x), on |x| ≤ 5.6, where Φ is 1 in float32; beyond, p only grows. The GELU is off by 6e-7 at most, that
    of the kernel with erf by 4.5e-7.
    """

    COEFFICIENTS = (
        1.59576988e00,
        7.26661694e-02,
        -6.51899768e-05,
        -1.10612410e-04,
        7.92949864e-06,
        -2.64527894e-07,
        3.51238740e-09,
    )
    DENSITY = 1 / math.sqrt(2 * math.pi)  # Φ'(0)

    def construct(self, x):
        square = x * x
        p = self.COEFFICIENTS[-1]
        for coefficient in self.COEFFICIENTS[-2::-1]:
            p = p * square + coefficient
        return ops.sigmoid(x * p)

    def bprop(self, x, out, dout):
        # Φ'(x) = exp(-x² / 2) / √(2 π)
        return (self.DENSITY * ops.exp(-0.5 * x * x) * dout,)


class Tanh(nn.Cell):
    """tanh x, as 2 sigmoid(2 x) - 1: MindSpore's own kernel is off by 1e-4 on the CPU, this by 2e-6."""

    def construct(self, x):
        return 2 * ops.sigmoid(2 * x) - 1


_ACTIVATIONS = {
    "gelu": GELU,
    "quick_gelu": QuickGELU,
    "relu": nn.ReLU,
    "tanh": Tanh,
    "lrelu": lambda: nn.LeakyReLU(alpha=0.01),
}


def activation(name: str) -> nn.Cell:
    """The activation called "gelu" (exact), "quick_gelu", "relu", "tanh" or "lrelu" (slope 0.01)."""
    return _ACTIVATIONS[choose("activation", name, _ACTIVATIONS)]()
