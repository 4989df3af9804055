"""Random weights for training from nothing, drawn by NumPy (seconds, where MindSpore takes a minute)."""

import math

import numpy as np
from mindspore import Tensor, nn


def initialize(cell: nn.Cell, seed: int) -> None:
    """Draw every parameter of two axes or more from a normal of deviation 1 / sqrt(fan-in).

    Vectors keep what their constructor gave (norms 1 and 0, biases 0). A parameter's numbers depend on
    the seed and its position alone, so equal cells get equal weights.
    """
    rng = np.random.default_rng(seed)
    for parameter in cell.get_parameters():
        if parameter.ndim >= 2:
            fan_in = math.prod(parameter.shape[1:])
            draw = rng.standard_normal(parameter.shape, np.float32) / np.float32(math.sqrt(fan_in))
            parameter.set_data(Tensor(draw))
