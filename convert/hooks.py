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


KEEP = Hook("", _keep, _keep)
TRANSPOSE = Hook("transpose", _transpose, _transpose)
JOIN = Hook("join", _join, _split)  # several tensors stacked along the first axis
JOIN_TRANSPOSED = Hook("join and transpose", _join_transposed, _split_transposed)
