"""Activations, by name."""

from mindspore import nn, ops

from ms_ovs.errors import choose
from ms_ovs.nn.kernels import built, kernel


class QuickGELU(nn.Cell):
    """x · sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def __init__(self):
        super().__init__()
        self.fused = ActivationKernel("quick_gelu") if built() else None

    def construct(self, x):
        return x * ops.sigmoid(1.702 * x) if self.fused is None else self.fused(x)


class GELU(nn.Cell):
    """x · Φ(x), exact: the form with the error function, not the one with tanh.

    Our kernel is off by 4e-7 at most. MindSpore's CPU has no exact one: its parts, most of all erf, take a
    tenth of a transformer block.
    """

    def __init__(self):
        super().__init__()
        self.fused = ActivationKernel("gelu") if built() else None

    def construct(self, x):
        return ops.gelu(x, "none") if self.fused is None else self.fused(x)


class ActivationKernel(nn.Cell):
    """float32 of any shape → the same, by a kernel of our own and its gradient."""

    def __init__(self, name: str):
        super().__init__()
        self.value = kernel(name, lambda x: x)
        self.gradient = kernel(f"{name}_gradient", lambda x, dout: x)

    def construct(self, x):
        return self.value(x)

    def bprop(self, x, out, dout):
        return (self.gradient(x, dout),)


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
