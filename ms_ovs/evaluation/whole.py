"""The test protocol of mmsegmentation 0.x: the photograph as a whole, or windows of one size on it.

Its rules, checked by `tests/reference/maskclip/slide_inference`:

- the photograph is resized with its ratio kept, in 8 bits (`ms_ovs.data.mmseg`), and then normalised;
- the network's scores, whatever their grid, are resized to its input, and from there to the photograph;
- windows start every `stride` pixels; the last is moved back inside. What a window covers is summed and
  divided by how often it was covered. An image smaller than a window is a window as it is;
- of several views (scales, mirror images) the probabilities are averaged, of a single one the scores decide.

The result is made in bands of rows, so that the scores of a large photograph never exist at once.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ms_ovs.data.mmseg import fitted_size, resized
from ms_ovs.data.transforms import IMAGENET_MEAN, IMAGENET_STD, normalise
from ms_ovs.evaluation.resize import along, taps
from ms_ovs.evaluation.sliding import BAND_BYTES, Network, Progress, first_highest

Sides = tuple[int, int]


@dataclass(frozen=True)
class WholeImage:
    """Label maps of photographs of any size, by a network that takes images of any size.

    `scale` bounds the long and the short side of what the network gets; None is the photograph's own size.
    `window` and `stride` (height, width) let windows slide over that. `scales` are factors of `scale`;
    `flip` adds mirror images. `align_corners` is how scores are resized.
    """

    scale: Sides | None = None
    scales: Sequence[float] = (1.0,)
    flip: bool = False
    window: Sides | None = None
    stride: Sides | None = None
    align_corners: bool = False
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD

    def size(self, height: int, width: int, factor: float = 1.0) -> Sides:
        """(height, width) of what becomes of a photograph of this size."""
        scale = (max(height, width), min(height, width)) if self.scale is None else self.scale
        # The bounds are cut off to whole numbers, of which at least 1 is left.
        return fitted_size(height, width, tuple(max(1, int(side * factor)) for side in scale))

    def calls(self, height: int, width: int) -> int:
        """How often the network is called for a photograph of this size."""
        sizes = [self.size(height, width, factor) for factor in self.scales]
        return sum(len(self.windows(*size)) for size in sizes) * (2 if self.flip else 1)

    def record(self, height: int, width: int) -> dict[str, Any]:
        """What is done with a photograph of this size, in words for JSON."""
        return {
            "scale": self.scale and list(self.scale),
            "size": list(self.size(height, width)),
            "scales": list(self.scales),
            "flip": self.flip,
            "batch": 1,
            "calls": self.calls(height, width),
        }

    def segment(self, network: Network, image: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """The channel that wins at each pixel, int32 (H,W), of a photograph uint8 (H,W,3).

        `network` maps float32 (1,3,h,w) to scores float32 (1,C,rows,columns) on any grid over the image. Of
        equal channels the first wins. `progress` is told (calls done, calls in all) after each call.
        """
        height, width = image.shape[:2]
        count = _Count(self.calls(height, width), progress)
        views = []
        for factor in self.scales:
            small = normalise(resized(image, self.size(height, width, factor)), self.mean, self.std)[None]
            for mirrored in (False, True) if self.flip else (False,):
                view = np.ascontiguousarray(small[..., ::-1]) if mirrored else small
                views.append((self.scores(count.around(network), view), mirrored))
        out = np.empty((height, width), np.int32)
        for start, band in self.bands(views, (height, width)):
            out[start : start + band.shape[1]] = first_highest(band)
        return out

    def scores(self, network: Network, image: np.ndarray) -> "Rows":
        """The scores of a normalised image, float32 (1,3,h,w), at its size."""
        size = image.shape[2:]
        windows = self.windows(*size)
        if len(windows) == 1:
            return Resized(Rows(network(image)[0]), size, self.align_corners)
        total = None
        covered = np.zeros(size, np.float32)
        for top, left, bottom, right in windows:
            part = network(np.ascontiguousarray(image[:, :, top:bottom, left:right]))[0]
            part = Resized(Rows(part), (bottom - top, right - left), self.align_corners).all()
            if total is None:
                total = np.zeros((len(part), *size), np.float32)
            total[:, top:bottom, left:right] += part
            covered[top:bottom, left:right] += 1
        return Rows(total / covered)

    def bands(self, views: Sequence[tuple["Rows", bool]], size: Sides) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, scores (C,rows,W)) from top to bottom, of a photograph of `size` (height, width).

        Views are scores, and whether they are those of the mirror image; of several the probabilities are
        averaged.
        """
        views = [(Resized(scores, size, self.align_corners), mirrored) for scores, mirrored in views]
        channels = views[0][0].channels
        step = max(1, BAND_BYTES // (channels * size[1] * 4))
        for start in range(0, size[0], step):
            stop = min(start + step, size[0])
            bands = [(scores.rows(start, stop), mirrored) for scores, mirrored in views]
            if len(bands) > 1:
                bands = [(softmax(band), mirrored) for band, mirrored in bands]
            total = sum(band[:, :, ::-1] if mirrored else band for band, mirrored in bands)
            yield start, total / len(bands) if len(bands) > 1 else total

    def windows(self, height: int, width: int) -> list[tuple[int, int, int, int]]:
        """(top, left, bottom, right) of each window on an image of this size, row by row."""
        if self.window is None:
            return [(0, 0, height, width)]
        down, across = (
            _spans(*sides) for sides in zip((height, width), self.window, self.stride, strict=True)
        )
        return [(top, left, bottom, right) for top, bottom in down for left, right in across]


def softmax(scores: np.ndarray) -> np.ndarray:
    """Probabilities along the first axis."""
    powers = np.exp(scores - scores.max(0))
    return powers / powers.sum(0)


def _spans(side: int, window: int, stride: int) -> list[tuple[int, int]]:
    """Start and end of each window along an axis."""
    count = max(side - window + stride - 1, 0) // stride + 1
    ends = [min(index * stride + window, side) for index in range(count)]
    return [(max(end - window, 0), end) for end in ends]


class Rows:
    """Scores (C,h,w) that are asked for by rows."""

    def __init__(self, array: np.ndarray):
        self.array = array
        self.channels = len(array)
        self.size: Sides = array.shape[1:]

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The scores (C,stop-start,w) of rows."""
        return self.array[:, start:stop]

    def all(self) -> np.ndarray:
        """All scores, (C,h,w)."""
        return self.rows(0, self.size[0])


class Resized(Rows):
    """Scores at another size, made when they are asked for."""

    def __init__(self, source: Rows, size: Sides, align_corners: bool):
        self.source, self.size, self.channels = source, size, source.channels
        down, across = (
            taps(*sides, align_corners=align_corners) for sides in zip(source.size, size, strict=True)
        )
        self.down, self.across = down, across

    def rows(self, start: int, stop: int) -> np.ndarray:
        """The scores (C,stop-start,w) of rows."""
        at = self.down.part(start, stop)
        low, high = int(at.low[0]), int(at.high[-1]) + 1
        source = along(self.source.rows(low, high), 2, self.across)
        return along(source, 1, at._replace(low=at.low - low, high=at.high - low))


class _Count:
    """Tells of the calls of a network."""

    def __init__(self, total: int, progress: Progress | None):
        self.done, self.total, self.progress = 0, total, progress

    def around(self, network: Network) -> Callable[[np.ndarray], np.ndarray]:
        """The network, whose calls are told."""

        def called(image: np.ndarray) -> np.ndarray:
            scores = network(image)
            self.done += 1
            if self.progress:
                self.progress(self.done, self.total)
            return scores

        return called
