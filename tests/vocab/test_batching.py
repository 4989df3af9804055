"""Batches of few shapes: every row once, nothing lost, shapes fixed."""

import numpy as np
import pytest

from ms_ovs.vocab import batching

END = 49407


def rows_of(lengths, context=77):
    """Token rows whose end-of-text stands at the given lengths; id 0 is used inside as well."""
    generator = np.random.default_rng(0)
    tokens = np.zeros((len(lengths), context), np.int32)
    for row, length in zip(tokens, lengths, strict=True):
        row[: length - 1] = generator.integers(0, 1000, length - 1)
        row[length - 1] = END
    return tokens


def test_lengths():
    wanted = [2, 3, 77, 40]
    assert batching.lengths(rows_of(wanted)).tolist() == wanted


def test_length_is_the_first_end():
    tokens = rows_of([9])
    tokens[0, 4] = END
    assert batching.lengths(tokens).tolist() == [5]


@pytest.mark.parametrize("count", [1, 31, 32, 33, 500])
def test_every_row_once_and_whole(count):
    lengths = np.random.default_rng(1).integers(2, 78, count)
    tokens = rows_of(lengths)
    seen = []
    for rows, batch in batching.batches(tokens):
        assert batch.shape[0] == batching.BATCH and batch.dtype == np.int32 and batch.flags.c_contiguous
        assert batch.shape[1] in (*batching.LENGTHS, 77)
        assert (lengths[rows] <= batch.shape[1]).all()
        assert (batch[: len(rows)] == tokens[rows, : batch.shape[1]]).all()
        assert (batch[len(rows) :] == batch[len(rows) - 1]).all()
        seen.extend(rows.tolist())
    assert sorted(seen) == list(range(count))


def test_short_labels_run_on_few_positions():
    assert {batch.shape for _, batch in batching.batches(rows_of([4] * 150))} == {(32, 6)}


def test_a_small_group_joins_the_longer_one():
    shapes = [batch.shape[1] for _, batch in batching.batches(rows_of([5] * 40 + [14]))]
    assert set(shapes) == {16}


def test_a_large_group_keeps_its_own_graph():
    shapes = [batch.shape[1] for _, batch in batching.batches(rows_of([5] * 2000 + [14]))]
    assert set(shapes) == {6, 16}


def test_no_rows_and_short_context():
    assert list(batching.batches(np.zeros((0, 77), np.int32))) == []
    assert [batch.shape for _, batch in batching.batches(rows_of([2, 5], context=5))] == [(32, 5)]
