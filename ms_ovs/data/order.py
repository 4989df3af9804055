"""Which samples a process takes in an epoch, and in which order: a matter of numbers alone."""

import numpy as np


def batches(
    count: int,
    *,
    batch_size: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    ranks: int = 1,
    shuffle: bool = True,
    drop_last: bool = True,
) -> list[np.ndarray]:
    """The indices of each batch of process `rank` of `ranks`, out of `count` samples.

    With `drop_last` all batches are full and all processes have equally many. The batches that they take at
    one time, put one after the other, are the batch that one process of `ranks` times the size would take.
    Without it every sample is in one batch of one process, and a process may have a batch more than another.
    """
    order = np.arange(count)
    if shuffle:
        order = np.random.default_rng([seed, epoch, 0]).permutation(count)
    if drop_last:
        steps = count // (batch_size * ranks)
        mine = order[: steps * batch_size * ranks].reshape(steps, ranks, batch_size)[:, rank]
        return list(mine)
    mine = order[rank::ranks]
    return [mine[start : start + batch_size] for start in range(0, len(mine), batch_size)]
