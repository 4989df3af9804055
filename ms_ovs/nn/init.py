"""Random weights for training from nothing, drawn by NumPy (seconds, where MindSpore takes a minute)."""

import math

import numpy as np
from mindspore import Parameter, Tensor, nn

EMBEDDING_DEVIATION = 0.02


def initialize(cell: nn.Cell, seed: int) -> None:
    """Draw every parameter of two axes or more from a normal distribution.

    Its deviation is what `deviation(parameter)` says, a method of the innermost cell around it that has one;
    else 1 / sqrt(fan-in) for what multiplies, 0.02 for embeddings. Vectors keep what their constructor gave
    (norms 1 and 0, biases 0). The numbers depend on the seed alone.
    """
    rng = np.random.default_rng(seed)
    own = {name: one.deviation for name, one in cell.cells_and_names() if hasattr(one, "deviation")}
    for name, parameter in cell.parameters_and_names():
        if parameter.ndim >= 2:
            around = [owner for owner in own if not owner or name.startswith(f"{owner}.")]
            deviation = own[max(around, key=len)] if around else _deviation
            draw = rng.standard_normal(parameter.shape, np.float32) * np.float32(deviation(parameter))
            parameter.set_data(Tensor(draw))


def kaiming(parameter: Parameter) -> float:
    """sqrt(2 / fan-out), for a convolution (outputs, inputs, k, k) that a ReLU follows (He et al. 2015)."""
    return math.sqrt(2 / (parameter.size // parameter.shape[1]))


def _deviation(parameter: Parameter) -> float:
    if parameter.name.endswith(("_embedding", "_token")):
        return EMBEDDING_DEVIATION
    if parameter.ndim == 2:  # (inputs, outputs)
        return 1 / math.sqrt(parameter.shape[0])
    return 1 / math.sqrt(math.prod(parameter.shape[1:]))  # a convolution: (outputs, inputs, k, k)
