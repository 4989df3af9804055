"""The test protocol of LSeg's authors: several scales, overlapping windows, mirrored copies, all summed.

Their rules (`additional_utils` of isl-org/lang-seg), checked by `tests/reference/lseg/multi_eval`:

- each scale makes the long side `ceil(base_size * scale)`; every resize is bilinear with corners aligned;
- what is shorter than a window is padded right and below with black, `-mean / std` after normalisation;
- windows start every `int(crop_size * 2 / 3)` pixels; the last is cut at the border and padded, not moved;
- windows are averaged where they overlap, the mirrored copy's scores are added, and so are all scales.

The result is made in bands of rows and windows run when a band needs them. So a 12-megapixel label map of
150 classes never holds the 7 GB of its scores. Windows that stand side by side, and their mirrored copies, go
through the network together, as many as `batch` says.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import numpy as np

from ms_ovs.data.transforms import normalise
from ms_ovs.evaluation.geometry import Geometry
from ms_ovs.evaluation.resize import along, resize, taps

Network = Callable[[np.ndarray], np.ndarray]
Progress = Callable[[int, int], None]

BAND_BYTES = 8 * 2**20  # a band that stays in the processor's cache is twice as fast as a large one
ROWS = 16  # rows of a scale that are averaged and handed on at a time


@dataclass(frozen=True)
class SlidingWindow:
    """Scores of a photograph of any size by a network that takes squares of `crop_size` pixels.

    `base_size` is the long side at scale 1. `mean` and `std` are those by which images were normalised;
    the padding is black. `flip` adds the scores of each window's mirror image. `batch` windows go through the
    network at a time, mirror images among them; the last ones of a row are filled up by repeats.
    """

    base_size: int = 520
    crop_size: int = 480
    scales: Sequence[float] = (1.0,)
    flip: bool = False
    mean: Sequence[float] = (0.5, 0.5, 0.5)
    std: Sequence[float] = (0.5, 0.5, 0.5)
    batch: int = 1

    def geometry(self, height: int, width: int) -> tuple[Geometry, ...]:
        """The windows at each scale for an image of this size."""
        return tuple(Geometry(self._resized(height, width, scale), self.crop_size) for scale in self.scales)

    def calls(self, height: int, width: int) -> int:
        """How often the network is called for an image of this size."""
        views = 2 if self.flip else 1
        rows = (geometry.windows for geometry in self.geometry(height, width))
        return sum(down * math.ceil(across * views / self.batch) for down, across in rows)

    def scores(self, network: Network, image: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """Summed scores, float32 (1,C,H,W), of a normalised image, float32 (1,3,H,W).

        `network` maps float32 (batch,3,crop,crop) to float32 (batch,C,crop,crop), always at this one size.
        `progress` is told (calls done, calls in all) after each call.
        """
        height, width = image.shape[2:]
        out = None
        for start, band in self._bands(network, image, progress):
            if out is None:
                out = np.empty((1, len(band), height, width), np.float32)
            out[0, :, start : start + band.shape[1]] = band
        return out

    def label_map(self, network: Network, image: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """The channel of the highest score at each pixel, int32 (H,W): the argmax of `scores`.

        Needs little memory. Of equal scores the first channel wins.
        """
        out = np.empty(image.shape[2:], np.int32)
        for start, band in self._bands(network, image, progress):
            out[start : start + band.shape[1]] = first_highest(band)
        return out

    def segment(self, network: Network, image: np.ndarray, progress: Progress | None = None) -> np.ndarray:
        """`label_map` of a photograph uint8 (H,W,3)."""
        return self.label_map(network, normalise(image, self.mean, self.std)[None], progress)

    def record(self, height: int, width: int) -> dict[str, Any]:
        """What is done with a photograph of this size, in words for JSON."""
        return {
            "long_side": self.base_size,
            "crop_size": self.crop_size,
            "scales": list(self.scales),
            "flip": self.flip,
            "batch": self.batch,
            "calls": self.calls(height, width),
        }

    def _resized(self, height: int, width: int, scale: float) -> tuple[int, int]:
        long = math.ceil(self.base_size * scale)
        # At least one pixel: the authors' own program fails on a photograph this narrow.
        if height > width:
            return long, max(1, int(width * long / height + 0.5))
        return max(1, int(height * long / width + 0.5)), long

    def _bands(
        self, network: Network, image: np.ndarray, progress: Progress | None
    ) -> Iterator[tuple[int, np.ndarray]]:
        """(first row, scores (C,rows,W)) from top to bottom."""
        height, width = image.shape[2:]
        run = _Run(network, self.flip, self.batch, self.calls(height, width), progress)
        padding = -np.asarray(self.mean, np.float32) / np.asarray(self.std, np.float32)
        scales = [_Scale(run, image[0], geometry, padding) for geometry in self.geometry(height, width)]
        start, stop = 0, 1
        while start < height:
            band = scales[0].rows(start, stop)
            for scale in scales[1:]:
                band = band + scale.rows(start, stop)
            yield start, band
            step = max(1, BAND_BYTES // (band.shape[0] * width * 4))
            start, stop = stop, min(stop + step, height)


def first_highest(scores: np.ndarray) -> np.ndarray:
    """The first channel with the highest score, int32 (rows,W), of scores (C,rows,W).

    `argmax` along the first axis, without the transposed copy that NumPy makes for it.
    """
    best = scores[0].copy()
    label = np.zeros(best.shape, np.int32)
    higher = np.empty(best.shape, bool)
    for channel in range(1, len(scores)):
        np.greater(scores[channel], best, out=higher)
        np.maximum(scores[channel], best, out=best)
        label[higher] = channel
    return label


class _Run:
    """The network with its mirrored copies, its batches and the count of its calls."""

    def __init__(self, network: Network, flip: bool, batch: int, total: int, progress: Progress | None):
        self.network, self.flip, self.batch = network, flip, batch
        self.done, self.total, self.progress = 0, total, progress

    def __call__(self, windows: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Scores (C,crop,crop) of each window (3,crop,crop), its mirror image's added."""
        scored = self._scored(self._views(windows))
        for scores in scored:
            yield scores + next(scored)[:, :, ::-1] if self.flip else scores

    def _views(self, windows: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        for window in windows:
            yield window
            if self.flip:
                yield window[:, :, ::-1]

    def _scored(self, views: Iterator[np.ndarray]) -> Iterator[np.ndarray]:
        while group := list(islice(views, self.batch)):
            repeats = [group[-1]] * (self.batch - len(group))
            scores = self.network(np.stack(group + repeats))
            self.done += 1
            if self.progress:
                self.progress(self.done, self.total)
            yield from scores[: len(group)]


class _Scale:
    """The scores of one scale, resized to the image, asked for in bands from top to bottom.

    Rows of this scale live from the windows that finish them until no later band needs them.
    """

    def __init__(self, run: _Run, image: np.ndarray, geometry: Geometry, padding: np.ndarray):
        self.down = taps(geometry.size[0], image.shape[1])
        self.across = taps(geometry.size[1], image.shape[2])
        self.finished = _finished_rows(run, resize(image, *geometry.size), geometry, padding)
        self.first, self.ready = 0, next(self.finished)  # scores (C,rows,w) of the rows from `first` on

    def rows(self, start: int, stop: int) -> np.ndarray:
        """Scores (C,stop-start,W) of the image's rows from `start` to before `stop`."""
        at = self.down.part(start, stop)
        low, high = int(at.low[0]), int(at.high[-1]) + 1
        while self.first + self.ready.shape[1] < high:
            kept = self.ready[:, max(0, low - self.first) :]
            self.first += self.ready.shape[1] - kept.shape[1]
            self.ready = np.concatenate([kept, next(self.finished)], axis=1)
        source = along(self.ready[:, low - self.first : high - self.first], 2, self.across)
        return along(source, 1, at._replace(low=at.low - low, high=at.high - low))


# The next two are functions, not methods: a generator that holds the object which holds it would keep
# a gigabyte of sums alive until the garbage collector comes by.


def _finished_rows(
    run: _Run, image: np.ndarray, geometry: Geometry, padding: np.ndarray
) -> Iterator[np.ndarray]:
    """Averaged scores (C,rows,w) of an image (3,h,w) at its scale, a few rows at a time."""
    height, width = geometry.size
    down, across = geometry.cover(0), geometry.cover(1)[:width]
    overlap = geometry.crop - geometry.stride
    sums = None  # (C,crop,w): one row of windows; what the next row overlaps moves to its top
    for index in range(geometry.windows[0]):
        top, bottom = geometry.span(0, index)
        bottom = min(bottom, height)
        sums = _add_windows(sums, run, image, geometry, padding, top, bottom)
        done = bottom - top if index == geometry.windows[0] - 1 else geometry.stride
        for start in range(0, done, ROWS):
            stop = min(start + ROWS, done)
            yield sums[:, start:stop] / (down[top + start : top + stop, None] * across)
        sums[:, :overlap] = sums[:, geometry.stride :]
        sums[:, overlap:] = 0


def _add_windows(
    sums: np.ndarray | None,
    run: _Run,
    image: np.ndarray,
    geometry: Geometry,
    padding: np.ndarray,
    top: int,
    bottom: int,
) -> np.ndarray:
    """`sums` (new where it is None) with the scores of the windows that begin at row `top`."""
    width = geometry.size[1]
    starts_stops = (geometry.span(1, index) for index in range(geometry.windows[1]))
    spans = [(left, min(right, width)) for left, right in starts_stops]
    crops = (_crop(image, geometry.crop, padding, (top, bottom), span) for span in spans)
    for (left, right), scores in zip(spans, run(crops), strict=True):
        if sums is None:
            sums = np.zeros((len(scores), geometry.crop, width), np.float32)
        sums[:, : bottom - top, left:right] += scores[:, : bottom - top, : right - left]
    return sums


def _crop(
    image: np.ndarray, side: int, padding: np.ndarray, rows: tuple[int, int], columns: tuple[int, int]
) -> np.ndarray:
    """The window (3,side,side) of an image (3,h,w), padded right and below."""
    part = image[:, slice(*rows), slice(*columns)]
    window = np.empty((len(image), side, side), np.float32)
    window[:] = padding[:, None, None]
    window[:, : part.shape[1], : part.shape[2]] = part
    return window
