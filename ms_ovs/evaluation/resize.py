"""Bilinear resizing in NumPy, a part of the result at a time."""

from typing import NamedTuple

import numpy as np


class Taps(NamedTuple):
    """For each place of the result along one axis: its two neighbours and the second's weight."""

    low: np.ndarray
    high: np.ndarray
    weight: np.ndarray

    def part(self, start: int, stop: int) -> "Taps":
        """The taps of the places from `start` to before `stop`."""
        return Taps(self.low[start:stop], self.high[start:stop], self.weight[start:stop])


def taps(source: int, target: int, *, align_corners: bool = True) -> Taps:
    """Taps that take an axis of `source` places to `target` places.

    With `align_corners` the first place falls on the first and the last on the last, else border on border.
    Places are computed in float32, as PyTorch does it, so that both round to the same neighbours.
    """
    if align_corners:
        step = np.float32((source - 1) / (target - 1) if target > 1 else 0)
        place = np.arange(target, dtype=np.float32) * step
    else:
        step, half = np.float32(source / target), np.float32(0.5)
        place = np.maximum((np.arange(target, dtype=np.float32) + half) * step - half, np.float32(0))
    low = np.minimum(place.astype(np.intp), source - 1)
    return Taps(low, np.minimum(low + 1, source - 1), place - low.astype(np.float32))


def along(array: np.ndarray, axis: int, at: Taps) -> np.ndarray:
    """`array` (float32) read at the taps of one axis, linearly between neighbours."""
    if (
        len(at.low) == array.shape[axis]
        and not at.weight.any()
        and np.array_equal(at.low, np.arange(len(at.low)))
    ):
        return array
    weight = at.weight.reshape([-1 if k == axis % array.ndim else 1 for k in range(array.ndim)])
    out = np.take(array, at.high, axis)
    first = np.take(array, at.low, axis)
    out -= first
    out *= weight
    out += first
    return out


def resize(array: np.ndarray, height: int, width: int) -> np.ndarray:
    """`array` float32 (C,H,W) resized to (C,height,width): bilinear, corners aligned, no smoothing.

    Equals `torch.nn.functional.interpolate(mode="bilinear", align_corners=True)` up to rounding.
    Rows go first: photographs mostly shrink, and rows are copied whole.
    """
    _, rows, columns = array.shape
    return along(along(array, 1, taps(rows, height)), 2, taps(columns, width))
