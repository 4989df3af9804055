"""The sum over processes, to the last digit, though what sums them knows float32 alone."""

import numpy as np
import pytest
from mindspore import Tensor, communication, ops

from ms_ovs import distributed
from ms_ovs.distributed import World


class Shared:
    """What `ops.AllReduce` does among `ranks` processes that give the same."""

    def __init__(self, ranks):
        self.ranks, self.calls = ranks, []

    def __call__(self):
        return self.reduce

    def reduce(self, tensor):
        array = tensor.asnumpy()
        self.calls.append(array.dtype)
        total = np.zeros_like(array)
        for _ in range(self.ranks):  # one after the other, in float32, as they come
            total += array
        return Tensor(total)


@pytest.mark.parametrize("ranks", [2, 3, 8, 4096])
def test_sums_are_exact(ranks, monkeypatch):
    shared = Shared(ranks)
    monkeypatch.setattr(ops, "AllReduce", shared)
    largest = (2**63 - 1) // ranks
    counts = np.array([0, 1, 2**12 - 1, 2**12, 2**24 + 1, 2**40 + 12345, largest], np.int64)
    counts = np.minimum(counts, largest)
    total = World(1, ranks).sum(counts)
    assert total.dtype == np.int64 and total.tolist() == [int(count) * ranks for count in counts]
    assert shared.calls == [np.float32]


def test_alone_nothing_is_asked(monkeypatch):
    monkeypatch.setattr(ops, "AllReduce", None)
    counts = np.array([3, 2**62], np.int64)
    assert World().sum(counts) is counts


def test_the_main_process():
    assert World().main and World(0, 4).main and not World(3, 4).main


def test_outside_msrun_it_is_alone(monkeypatch):
    monkeypatch.delenv(distributed.LAUNCHED, raising=False)
    monkeypatch.setattr(communication, "init", None)
    assert distributed.join() == World(0, 1)


def test_inside_msrun_it_joins(monkeypatch):
    begun, context = [], {}
    monkeypatch.setenv(distributed.LAUNCHED, "3")
    monkeypatch.setattr(communication, "init", lambda: begun.append(True))
    monkeypatch.setattr(communication, "get_rank", lambda: 2)
    monkeypatch.setattr(communication, "get_group_size", lambda: 3)
    monkeypatch.setattr("mindspore.set_auto_parallel_context", lambda **options: context.update(options))
    assert distributed.join() == World(2, 3) and begun
    assert context == {"parallel_mode": "data_parallel", "gradients_mean": True}
