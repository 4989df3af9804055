"""Activations, by name."""

from mindspore import nn, ops

from ms_ovs.errors import choose


class QuickGELU(nn.Cell):
    """x · sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def construct(self, x):
        return x * ops.sigmoid(1.702 * x)


class GELU(nn.Cell):
    """x · Φ(x), exact: the form with the error function, not the one with tanh."""

    def construct(self, x):
        return ops.gelu(x, "none")


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
