"""From a photograph and its label map to what a network takes, to the last grey level of LSeg's readers.

Read from PyTorch-Encoding (ADE20K) and isl-org/lang-seg (few-shot sets), checked by
`tests/reference/lseg/transforms`. Pillow does the resizing of images, as there: its bilinear filter is
antialiased and rounds to 8 bits.

A transform is called with an image, uint8 (H,W,3), a target, int32 (H,W) with -1 = ignored, and the random
draws; it returns the normalised image, float32 (3,h,w), and its target, int32 (h,w).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from PIL import Image

IGNORE = -1  # what targets hold where nothing is known
HALF = (0.5, 0.5, 0.5)
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)

Sample = tuple[np.ndarray, np.ndarray]


class Draws(Protocol):
    """Where chance comes from: a `numpy.random.Generator`, or draws that were recorded."""

    def random(self) -> float:
        """A number of [0, 1)."""

    def integers(self, low: int, high: int, *, endpoint: bool) -> int:
        """A whole number from `low` to `high`, both possible with `endpoint`."""


class Transform(Protocol):
    """What the loader calls on every sample."""

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws) -> Sample:
        """The sample as the network takes it."""


def normalise(image: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """float32 (3,H,W) from uint8 (H,W,3): values in 0..1, less `mean`, divided by `std`."""
    mean, std = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in (mean, std))
    pixels = image.transpose(2, 0, 1).astype(np.float32, order="C")
    pixels /= np.float32(255)
    pixels -= mean
    pixels /= std
    return pixels


def torch_nearest(target: np.ndarray, height: int, width: int) -> np.ndarray:
    """`target` (H,W) at another size, each pixel from the place that PyTorch's "nearest" takes it from.

    The place is the floor of a product in float32: for 500 columns made 480, six differ from exact
    arithmetic.
    """
    down, across = (_places(*sides) for sides in zip(target.shape, (height, width), strict=True))
    return target[down[:, None], across]


def _places(source: int, count: int) -> np.ndarray:
    scale = np.float32(source) / np.float32(count)
    return np.minimum(np.arange(count, dtype=np.float32) * scale, source - 1).astype(np.intp)


@dataclass(frozen=True)
class Whole:
    """The photograph at its own size: what the sliding-window test takes."""

    mean: Sequence[float] = HALF
    std: Sequence[float] = HALF

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws | None = None) -> Sample:
        """Nothing is drawn, and the target is left as it is."""
        return normalise(image, self.mean, self.std), target


@dataclass(frozen=True)
class Shifted:
    """For CLIP: mirrored or not, and moved a little. The target, tokens of a caption, is left as it is.

    `shift` is the most it is moved, as a part of its sides; what comes in from outside is reflected.
    Captions may name no sides.
    """

    mean: Sequence[float] = HALF
    std: Sequence[float] = HALF
    mirror: float = 0.5
    shift: float = 0.1

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws) -> Sample:
        """Three draws: mirror, down, right."""
        if draws.random() < self.mirror:
            image = image[:, ::-1]
        sides = image.shape[:2]
        most = [int(side * self.shift) for side in sides]
        starts = [int(draws.integers(0, 2 * limit, endpoint=True)) for limit in most]
        padded = np.pad(image, [*((limit, limit) for limit in most), (0, 0)], "reflect")
        rows, columns = (slice(start, start + side) for start, side in zip(starts, sides, strict=True))
        return normalise(padded[rows, columns], self.mean, self.std), target


@dataclass(frozen=True)
class CentreCrop:
    """Validation during training: the short side becomes `crop_size`, of which the centre is taken."""

    crop_size: int = 480
    mean: Sequence[float] = HALF
    std: Sequence[float] = HALF

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws | None = None) -> Sample:
        """Nothing is drawn."""
        crop = self.crop_size
        height, width = target.shape
        short = min(height, width)
        size = int(width * crop / short), int(height * crop / short)  # truncated, not rounded
        # Python's round: halves go to the even number
        left, top = (round((side - crop) / 2) for side in size)
        image, target = _resized(image, target, size)
        window = slice(top, top + crop), slice(left, left + crop)
        return normalise(image[window], self.mean, self.std), target[window]


@dataclass(frozen=True)
class RandomCrop:
    """Training: mirrored or not, at a random scale, padded right and below, a random square of it.

    The long side is uniform over the whole numbers from the `smallest` to the `largest` multiple of
    `base_size`. The padding is black and ignored. Draws, in this order: mirror, long side, left, top.
    """

    base_size: int = 520
    crop_size: int = 480
    mean: Sequence[float] = HALF
    std: Sequence[float] = HALF
    smallest: float = 0.5
    largest: float = 2.0
    mirror: float = 0.5

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws) -> Sample:
        """Four draws."""
        if draws.random() < self.mirror:
            image, target = image[:, ::-1], target[:, ::-1]
        limits = int(self.base_size * self.smallest), int(self.base_size * self.largest)
        size = _fitted(target.shape, int(draws.integers(*limits, endpoint=True)))
        image, target = _padded(*_resized(image, target, size), self.crop_size)
        height, width = target.shape
        left = int(draws.integers(0, width - self.crop_size, endpoint=True))
        top = int(draws.integers(0, height - self.crop_size, endpoint=True))
        window = slice(top, top + self.crop_size), slice(left, left + self.crop_size)
        return normalise(image[window], self.mean, self.std), np.ascontiguousarray(target[window])


@dataclass(frozen=True)
class Squeezed:
    """Few-shot sets: the whole photograph to a square, whatever its shape; the target by `torch_nearest`."""

    size: int = 480
    mean: Sequence[float] = HALF
    std: Sequence[float] = HALF

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws | None = None) -> Sample:
        """Nothing is drawn."""
        square = _resized_image(image, (self.size, self.size))
        return normalise(square, self.mean, self.std), torch_nearest(target, self.size, self.size)


def _fitted(shape: tuple[int, int], long: int) -> tuple[int, int]:
    """(width, height) of something of `shape` (height, width) when its long side has `long` pixels."""
    height, width = shape
    if height > width:
        return max(1, int(width * long / height + 0.5)), long
    return long, max(1, int(height * long / width + 0.5))


def _resized(image: np.ndarray, target: np.ndarray, size: tuple[int, int]) -> Sample:
    """Image (bilinear) and target (nearest) at `size`, (width, height)."""
    map_ = Image.fromarray(np.ascontiguousarray(target)).resize(size, Image.Resampling.NEAREST)
    return _resized_image(image, size), np.array(map_, np.int32)


def _resized_image(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))


def _padded(image: np.ndarray, target: np.ndarray, least: int) -> Sample:
    """Both with rows and columns added where there are fewer than `least`."""
    missing = [(0, max(0, least - side)) for side in target.shape]
    if not any(map(any, missing)):
        return image, target
    return np.pad(image, [*missing, (0, 0)]), np.pad(target, missing, constant_values=IGNORE)
