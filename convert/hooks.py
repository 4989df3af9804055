"""Changes of layout between a source's tensors and ours; each has an inverse and is done when read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from convert.tensors import Entry
from ms_ovs.errors import UserError

Change = Callable[[Sequence[Entry], int], list[Entry]]


@dataclass(frozen=True)
class Hook:
    """`apply(entries, count)` makes `count` tensors of `entries`; `undo` is the way back, bit for bit."""

    name: str
    apply: Change
    undo: Change

    def turned(self) -> "Hook":
        """The hook of the way back."""
        return Hook(f"undo {self.name}", self.undo, self.apply)


def _keep(entries: Sequence[Entry], count: int) -> list[Entry]:
    return list(entries)


def _transpose(entries: Sequence[Entry], count: int) -> list[Entry]:
    (entry,) = entries
    if len(entry.shape) != 2:
        raise UserError(f"a matrix was expected where a tensor has shape {entry.shape}")
    return [Entry(entry.dtype, entry.shape[::-1], lambda: entry.read().T)]


def _join(entries: Sequence[Entry], count: int) -> list[Entry]:
    first = entries[0]
    if any((entry.dtype, entry.shape) != (first.dtype, first.shape) for entry in entries):
        met = ", ".join(f"{entry.dtype} {entry.shape}" for entry in entries)
        raise UserError(f"tensors that are stacked must be of one kind, these are {met}")
    shape = (len(entries) * first.shape[0], *first.shape[1:])
    return [Entry(first.dtype, shape, lambda: np.concatenate([entry.read() for entry in entries]))]


def _split(entries: Sequence[Entry], count: int) -> list[Entry]:
    (entry,) = entries
    if not entry.shape or entry.shape[0] % count:
        raise UserError(f"a tensor of shape {entry.shape} cannot be cut into {count} equal parts")
    rows = entry.shape[0] // count
    return [
        Entry(entry.dtype, (rows, *entry.shape[1:]), lambda k=k: entry.read()[k * rows : (k + 1) * rows])
        for k in range(count)
    ]


def _join_transposed(entries: Sequence[Entry], count: int) -> list[Entry]:
    return _transpose(_join(entries, 1), 1)


def _split_transposed(entries: Sequence[Entry], count: int) -> list[Entry]:
    return _split(_transpose(entries, 1), count)


def _reshaped(check: str, forward: Callable[[tuple], tuple], back: Callable[[tuple], tuple]) -> Hook:
    """A hook that changes shapes alone; `check` names it and what it expects."""

    def change(shape: Callable[[tuple], tuple]) -> Change:
        def apply(entries: Sequence[Entry], count: int) -> list[Entry]:
            (entry,) = entries
            try:
                target = shape(entry.shape)
            except ValueError:
                raise UserError(f"{check} was expected where a tensor has shape {entry.shape}") from None
            return [Entry(entry.dtype, target, lambda: entry.read().reshape(target))]

        return apply

    return Hook(check, change(forward), change(back))


def _without_ones(places: tuple[int, ...], axes: int) -> Callable[[tuple], tuple]:
    """The shape of `axes` axes without those at `places`, which must be 1."""

    def shape(met: tuple) -> tuple:
        if len(met) != axes or any(met[place] != 1 for place in places):
            raise ValueError
        return tuple(size for place, size in enumerate(met) if place not in places)

    return shape


def _matrix_of_conv(entries: Sequence[Entry], count: int) -> list[Entry]:
    return _transpose(_SQUEEZED.apply(entries, 1), 1)


def _conv_of_matrix(entries: Sequence[Entry], count: int) -> list[Entry]:
    return _SQUEEZED.undo(_transpose(entries, 1), 1)


def _cut_query(entries: Sequence[Entry], count: int) -> list[Entry]:
    """The first third of the rows, and the rest."""
    (entry,) = entries
    if not entry.shape or entry.shape[0] % 3:
        raise UserError(f"rows of q, k and v were expected where a tensor has shape {entry.shape}")
    rows, rest = entry.shape[0] // 3, entry.shape[1:]
    return [
        Entry(entry.dtype, (rows, *rest), lambda: entry.read()[:rows]),
        Entry(entry.dtype, (2 * rows, *rest), lambda: entry.read()[rows:]),
    ]


def _join_query(entries: Sequence[Entry], count: int) -> list[Entry]:
    query, rest = entries
    if query.dtype != rest.dtype or rest.shape != (2 * query.shape[0], *query.shape[1:]):
        met = ", ".join(f"{entry.dtype} {entry.shape}" for entry in entries)
        raise UserError(f"rows of q and twice as many of k and v were expected, these are {met}")
    shape = (3 * query.shape[0], *query.shape[1:])
    return [Entry(query.dtype, shape, lambda: np.concatenate([query.read(), rest.read()]))]


def _cut_query_pixelwise(entries: Sequence[Entry], count: int) -> list[Entry]:
    return [_SQUEEZED.undo([part], 1)[0] for part in _cut_query(entries, 2)]


def _join_query_pixelwise(entries: Sequence[Entry], count: int) -> list[Entry]:
    return _join_query([_SQUEEZED.apply([part], 1)[0] for part in entries], 1)


_SQUEEZED = _reshaped("a 1×1 convolution", _without_ones((2, 3), 4), lambda met: (*met, 1, 1))
ROW_OF_TOKENS = _reshaped("a batch of one token", _without_ones((0, 1), 3), lambda met: (1, 1, *met))
BATCH_OF_ONE = _reshaped("a batch of one", _without_ones((0,), 3), lambda met: (1, *met))
MATRIX_OF_CONV = Hook("1×1 convolution to matrix, transposed", _matrix_of_conv, _conv_of_matrix)
PIXELWISE = Hook("matrix to 1×1 convolution", _SQUEEZED.undo, _SQUEEZED.apply)
QUERY = Hook("cut off the query", _cut_query, _join_query)  # rows q, k, v → q and k, v
QUERY_PIXELWISE = Hook("cut off the query, to 1×1 convolutions", _cut_query_pixelwise, _join_query_pixelwise)
KEEP = Hook("", _keep, _keep)
TRANSPOSE = Hook("transpose", _transpose, _transpose)
JOIN = Hook("join", _join, _split)  # several tensors stacked along the first axis
JOIN_TRANSPOSED = Hook("join and transpose", _join_transposed, _split_transposed)
