"""Where the windows of one scale lie, by the rules of LSeg's authors (`ms_ovs.evaluation.sliding`)."""

import math
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Geometry:
    """Where the windows of one scale lie. Sizes are (height, width) in pixels of that scale."""

    size: tuple[int, int]
    crop: int

    @property
    def padded(self) -> tuple[int, int]:
        """The size with its padding: a window at least."""
        return max(self.size[0], self.crop), max(self.size[1], self.crop)

    @property
    def stride(self) -> int:
        """Pixels from one window to the next."""
        return int(self.crop * 2 / 3)

    @property
    def windows(self) -> tuple[int, int]:
        """Windows down and across."""
        down, across = (math.ceil((side - self.crop) / self.stride) + 1 for side in self.padded)
        return down, across

    def span(self, axis: int, index: int) -> tuple[int, int]:
        """First pixel of the window `index` along an axis, and the one after its last."""
        start = index * self.stride
        return start, min(start + self.crop, self.padded[axis])

    def cover(self, axis: int) -> np.ndarray:
        """How many windows lie over each pixel along an axis (float32)."""
        count = np.zeros(self.padded[axis], np.float32)
        for index in range(self.windows[axis]):
            start, stop = self.span(axis, index)
            count[start:stop] += 1
        return count
