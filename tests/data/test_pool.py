"""Work shared by processes."""

import os

import pytest

from ms_ovs.data import pool
from ms_ovs.errors import UserError


def doubled(shared, item):
    if item == "die":
        os._exit(1)
    if item < 0:
        raise UserError(f"{item} is below 0")
    return shared * item, os.getpid()


@pytest.mark.parametrize("workers", [0, 2])
def test_results_are_in_order(workers):
    results = list(pool.in_order(doubled, 2, [5, 3, 4, 1], workers))
    assert [value for value, _ in results] == [10, 6, 8, 2]
    assert (os.getpid() in {process for _, process in results}) == (workers == 0)


def test_a_single_item_needs_no_worker():
    assert list(pool.in_order(doubled, 2, [5], 3)) == [(10, os.getpid())]
    assert list(pool.in_order(doubled, 2, [], 3)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_errors_come_through(workers):
    with pytest.raises(UserError, match="-1 is below 0"):
        list(pool.in_order(doubled, 2, [3, -1, 4], workers))


def test_a_worker_that_dies():
    with pytest.raises(UserError, match="a worker died, perhaps for lack of memory: give fewer --workers"):
        list(pool.in_order(doubled, 2, ["die", 3], 2))


def test_the_number_of_workers(monkeypatch):
    with pytest.raises(UserError, match="workers is -1: give 0 or more"):
        pool.check_workers(-1)
    for cores, workers in ((3, 3), (64, pool.MOST_WORKERS), (None, 1)):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        assert pool.default_workers() == workers
