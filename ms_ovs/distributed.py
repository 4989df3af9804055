"""The processes of a data-parallel run, as MindSpore's launcher `msrun` starts them: one for each device."""

import os
from dataclasses import dataclass

import numpy as np

DIGIT_BITS = 12  # float32, which every collective takes, is exact for sums of such digits over 4096 processes
LAUNCHED = "MS_WORKER_NUM"  # msrun sets it


@dataclass(frozen=True)
class World:
    """This process, number `rank` of `ranks`."""

    rank: int = 0
    ranks: int = 1

    @property
    def main(self) -> bool:
        """Whether this is the one process that prints and writes."""
        return self.rank == 0

    def sum(self, counts: np.ndarray) -> np.ndarray:
        """Counts, int64 (N,) ≥ 0, summed over all processes, to the last digit; all must call it."""
        if self.ranks == 1:
            return counts
        from mindspore import Tensor, ops

        shifts = np.arange(0, 63, DIGIT_BITS)
        digits = (counts[:, None] >> shifts) & (2**DIGIT_BITS - 1)
        summed = ops.AllReduce()(Tensor(digits.astype(np.float32))).asnumpy().astype(np.int64)
        return (summed << shifts).sum(1)


def join() -> World:
    """Join the other processes of the run, if `msrun` started this one; else it is alone.

    Call it after `runtime.setup`, before a network is built: gradients are then averaged over the processes.
    """
    if LAUNCHED not in os.environ:
        return World()
    import mindspore as ms
    from mindspore import communication

    communication.init()
    ms.set_auto_parallel_context(parallel_mode=ms.ParallelMode.DATA_PARALLEL, gradients_mean=True)
    return World(communication.get_rank(), communication.get_group_size())
