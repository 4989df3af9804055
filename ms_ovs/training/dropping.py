"""What a network drops at random in training follows from the seed, the process, the place and the pass."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn

from ms_ovs.nn.drop import Drop


class Dropping:
    """The passes so far, by which every `Drop` of a network draws from now on; None are a network's own.

    `states` are what a resumed training needs; each pass through the step adds one to `passes`, int32 (1,).
    """

    def __init__(self, network: nn.Cell, *, seed: int, rank: int):
        self.passes = Parameter(Tensor(np.zeros(1), ms.int32), "dropping.passes", requires_grad=False)
        for place, drop in enumerate(drops(network)):
            key = np.random.SeedSequence([seed, rank, place]).generate_state(1)
            drop.count(self.passes, int(key[0]))

    @property
    def states(self) -> list[Parameter]:
        """What a resumed training needs."""
        return [self.passes]


def drops(network: nn.Cell) -> list[Drop]:
    """The cells of a network that drop something."""
    return [cell for _, cell in network.cells_and_names() if isinstance(cell, Drop) and cell.rate > 0]
