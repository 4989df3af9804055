"""Who takes which sample when."""

import numpy as np
import pytest

from ms_ovs.data.order import batches

SHARED = dict(seed=1, epoch=0)


def flat(parts):
    return [int(index) for part in parts for index in part]


def test_ranks_together_are_one_process_with_larger_batches():
    whole = batches(50, batch_size=12, **SHARED)
    parts = [batches(50, batch_size=4, rank=rank, ranks=3, **SHARED) for rank in range(3)]
    assert len(whole) == 4
    for step, batch in enumerate(whole):
        np.testing.assert_array_equal(batch, np.concatenate([part[step] for part in parts]))
    assert len(set(flat(whole))) == 48


@pytest.mark.parametrize("count", [17, 16, 1])
def test_evaluation_takes_each_sample_once(count):
    options = dict(batch_size=4, shuffle=False, drop_last=False, ranks=2, **SHARED)
    parts = [batches(count, rank=rank, **options) for rank in range(2)]
    assert sorted(flat(parts[0]) + flat(parts[1])) == list(range(count))
    assert all(len(batch) == 4 for part in parts for batch in part[:-1])


def test_order_follows_from_seed_and_epoch():
    first = flat(batches(40, batch_size=5, seed=1, epoch=0))
    assert first == flat(batches(40, batch_size=5, seed=1, epoch=0))
    others = [flat(batches(40, batch_size=5, seed=s, epoch=e)) for s, e in ((1, 1), (2, 0), (0, 1))]
    assert len({tuple(order) for order in [first, *others, list(range(40))]}) == 5


def test_too_few():
    assert batches(7, batch_size=4, ranks=2, **SHARED) == []
