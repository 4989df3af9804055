"""The training transform of mmsegmentation 0.x, as MaskCLIP+ has it: scale, crop, mirror, colours, pad.

Read from the configurations of MaskCLIP; what it is made of is checked by
`tests/reference/maskclip/pipeline`. The draws are ours: the same chances, not the same sequence.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ms_ovs.data.mmseg import Distortion, fitted_size, padded, resized, resized_labels
from ms_ovs.data.transforms import IGNORE, IMAGENET_MEAN, IMAGENET_STD, Draws, Sample, normalise

TRIES = 10
BRIGHTNESS, FACTORS, HUE = 32.0, (0.5, 1.5), 18


@dataclass(frozen=True)
class ScaledCrop:
    """A random square of the photograph at a random size.

    The photograph is brought to `scale` times one factor between `smallest` and `largest`, its ratio kept.
    A square of `crop_size` is drawn anew, ten times at most, until no label has `most_share` of it or more
    and there are two labels in it; ignored pixels do not count, and a label that is hidden is a label. Then
    it is mirrored with probability `mirror`, its colours are `distort`ed, and what the photograph is short
    of is added at the right and below: 0 after the normalisation, ignored.
    """

    scale: tuple[int, int]
    crop_size: int
    smallest: float = 0.5
    largest: float = 2.0
    most_share: float = 0.75
    mirror: float = 0.5
    distort: bool = True
    mean: Sequence[float] = IMAGENET_MEAN
    std: Sequence[float] = IMAGENET_STD

    def __call__(self, image: np.ndarray, target: np.ndarray, draws: Draws) -> Sample:
        """Draws: factor, places of the square, mirror, colours."""
        factor = self.smallest + draws.random() * (self.largest - self.smallest)
        scale = tuple(max(1, int(side * factor)) for side in self.scale)
        size = fitted_size(*target.shape, scale)
        image, target = resized(image, size), resized_labels(target, size)
        place = self.place(target, draws)
        image, target = image[place], target[place]
        if draws.random() < self.mirror:
            image, target = image[:, ::-1], target[:, ::-1]
        if self.distort:
            image = distortion(draws)(np.ascontiguousarray(image))
        square = self.crop_size, self.crop_size
        pixels = padded(normalise(image, self.mean, self.std), square, 0)
        return pixels, np.ascontiguousarray(padded(target, square, IGNORE))

    def place(self, target: np.ndarray, draws: Draws) -> tuple[slice, slice]:
        """Where the square is; the last that was drawn, if none of them is mixed enough."""
        place = self._drawn(target.shape, draws)
        for _ in range(TRIES):
            if self.mixed(target[place]):
                break
            place = self._drawn(target.shape, draws)
        return place

    def mixed(self, target: np.ndarray) -> bool:
        """Whether labels of a square are mixed enough."""
        counts = np.unique(target[target != IGNORE], return_counts=True)[1]
        return len(counts) > 1 and counts.max() / counts.sum() < self.most_share

    def _drawn(self, shape: tuple[int, int], draws: Draws) -> tuple[slice, slice]:
        rows, columns = (
            int(draws.integers(0, max(side - self.crop_size, 0), endpoint=True)) for side in shape
        )
        return slice(rows, rows + self.crop_size), slice(columns, columns + self.crop_size)


def distortion(draws: Draws) -> Distortion:
    """Changes of colour, each of the four with probability 1/2, contrast first or last."""

    def perhaps(low: float, high: float) -> float | None:
        return low + draws.random() * (high - low) if draws.integers(0, 1, endpoint=True) else None

    brightness = perhaps(-BRIGHTNESS, BRIGHTNESS)
    last = not draws.integers(0, 1, endpoint=True)
    contrast, saturation = perhaps(*FACTORS), perhaps(*FACTORS)
    hue = int(draws.integers(-HUE, HUE - 1, endpoint=True)) if draws.integers(0, 1, endpoint=True) else None
    return Distortion(
        brightness=brightness, contrast=contrast, saturation=saturation, hue=hue, contrast_last=last
    )
