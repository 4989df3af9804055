"""Several processes in one: threads that sum their counts."""

import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np


class Threads:
    """A world whose processes are threads: their counts are summed when all have come."""

    def __init__(self, rank, ranks, barrier, slots):
        self.rank, self.ranks, self.barrier, self.slots = rank, ranks, barrier, slots

    @property
    def main(self):
        return self.rank == 0

    def sum(self, counts):
        assert counts.dtype == np.int64 and counts.ndim == 1
        self.slots[self.rank] = counts
        self.barrier.wait(20)
        total = sum(self.slots.values())
        self.barrier.wait(20)
        return total


def in_threads(ranks, work):
    """What `work(world)` returns in each of so many threads."""
    barrier, slots = threading.Barrier(ranks), {}
    with ThreadPoolExecutor(ranks) as pool:
        return list(pool.map(lambda rank: work(Threads(rank, ranks, barrier, slots)), range(ranks)))
