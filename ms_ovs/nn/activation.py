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
        self.fitted = FittedGELU() if on_cpu() else None

    def construct(self, x):
        return ops.gelu(x, "none") if self.fitted is None else self.fitted(x)


class FittedGELU(nn.Cell):
    """x · Φ(x) on the CPU, where erf takes a tenth of a transformer block: Φ(x) = sigmoid(2 x p(x²)).

    p was fitted by weighted least squares, towards the smallest greatest error, on |x| ≤ 5.6, where Φ is 1 in
    float32; beyond, p only grows. The result is off by 6e-7 at most, the kernel with erf by 4.5e-7.
    """

    COEFFICIENTS = (
        7.97884940e-01,
        3.63330847e-02,
        -3.25949884e-05,
        -5.53062050e-05,
        3.96474932e-06,
        -1.32263947e-07,
        1.75619370e-09,
    )
    DENSITY = 1 / math.sqrt(2 * math.pi)  # of the normal distribution at 0
    TINY = 2.0**-120

    def construct(self, x):
        square = x * x
        p = self.COEFFICIENTS[-1]
        for coefficient in self.COEFFICIENTS[-2::-1]:
            p = p * square + coefficient
        return x * ops.sigmoid(2 * x * p)

    def bprop(self, x, out, dout):
        # Φ(x) + x Φ'(x). Dividing is half the work of p; what is added makes Φ(0) one half
        phi = (out + self.TINY / 2) / (x + self.TINY)
        return ((phi + x * (self.DENSITY * ops.exp(-0.5 * x * x))) * dout,)


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
