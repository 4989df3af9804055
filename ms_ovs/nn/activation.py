"""Activations, by name."""

from mindspore import nn, ops

from ms_ovs.errors import choose
from ms_ovs.nn.platform import on_cpu


class QuickGELU(nn.Cell):
    """x · sigmoid(1.702 x), the activation of OpenAI's CLIP."""

    def construct(self, x):
        return x * ops.sigmoid(1.702 * x)


class GELU(nn.Cell):
    """x · Φ(x), exact: the form with the error function, not the one with tanh.

    On the CPU, where erf takes a tenth of a transformer block, Φ(x) = sigmoid(2 x p(x²)). p was fitted by
    weighted least squares, towards the smallest greatest error, on |x| ≤ 5.6, where Φ is 1 in float32;
    beyond, x² counts as 5.6². The result is off by 6e-7 at most, the kernel with erf by 4.5e-7.
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
    LIMIT = 5.6**2

    def __init__(self):
        super().__init__()
        self.fitted = on_cpu()

    def construct(self, x):
        if not self.fitted:
            return ops.gelu(x, "none")
        square = self.LIMIT - ops.relu(self.LIMIT - x * x)  # the kernel of minimum is slower
        p = self.COEFFICIENTS[-1]
        for coefficient in self.COEFFICIENTS[-2::-1]:
            p = p * square + coefficient
        return x * ops.sigmoid(2 * x * p)


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
