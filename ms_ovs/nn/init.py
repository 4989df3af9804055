"""Random weights for training from nothing, drawn by NumPy (seconds, where MindSpore takes a minute)."""

import math

import numpy as np
from mindspore import Parameter, Tensor, nn

EMBEDDING_DEVIATION = 0.02


def initialize(cell: nn.Cell, seed: int) -> None:
    """Draw every parameter of two axes or more from a normal distribution.

    Its deviation is 1 / sqrt(fan-in) for what multiplies, 0.02 for embeddings. Vectors keep what their
    constructor gave (norms 1 and 0, biases 0). The numbers depend on the seed alone.
    """
    rng = np.random.default_rng(seed)
    for parameter in cell.get_parameters():
        if parameter.ndim >= 2:
            draw = rng.standard_normal(parameter.shape, np.float32) * np.float32(_deviation(parameter))
            parameter.set_data(Tensor(draw))


def _deviation(parameter: Parameter) -> float:
    if parameter.name.endswith(("_embedding", "_token")):
        return EMBEDDING_DEVIATION
    if parameter.ndim == 2:  # (inputs, outputs)
        return 1 / math.sqrt(parameter.shape[0])
    return 1 / math.sqrt(math.prod(parameter.shape[1:]))  # a convolution: (outputs, inputs, k, k)
