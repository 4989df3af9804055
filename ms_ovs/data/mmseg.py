"""From a photograph to a network's input by the rules of mmsegmentation 0.x, to the grey level.

Read from the configurations of MaskCLIP, checked by `tests/reference/maskclip/pipeline`. OpenCV does the
resizing and the change of colour space, as there: both work on 8 bits, in fixed point.

In its annotations 255 is ignored, and -1 is a pixel whose label is hidden, to be found by a teacher.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

IGNORED, HIDDEN = 255, -1
HUES = 180  # OpenCV keeps an angle in 8 bits


def fitted_size(height: int, width: int, scale: Sequence[int]) -> tuple[int, int]:
    """(height, width) of an image that was brought to `scale` with its ratio kept.

    The larger number of `scale` bounds the long side, the smaller one the short side. Sides are rounded,
    halves up, and have one pixel at least.
    """
    factor = min(max(scale) / max(height, width), min(scale) / min(height, width))
    return tuple(max(1, int(side * factor + 0.5)) for side in (height, width))


def resized(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A photograph uint8 (H,W,3) at `size` (height, width), bilinear, without smoothing."""
    return cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)


def resized_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Labels int32 (H,W) at `size` (height, width), each pixel from the floor of its place."""
    # OpenCV's nearest takes 16-bit and float arrays, and float32 holds every label
    nearest = cv2.resize(labels.astype(np.float32), size[::-1], interpolation=cv2.INTER_NEAREST)
    return nearest.astype(np.int32)


def without_zero(labels: np.ndarray) -> np.ndarray:
    """Annotations of which 0 is ignored, and 1 the first class: int32 of the same shape from 0 on."""
    labels = labels.astype(np.int32)
    return np.where((labels == 0) | (labels == IGNORED), IGNORED, labels - 1)


def suppressed(labels: np.ndarray, classes: Collection[int]) -> np.ndarray:
    """`labels` with those of `classes` hidden."""
    return np.where(np.isin(labels, list(classes)), HIDDEN, labels)


def padded(array: np.ndarray, size: tuple[int, int], value: float) -> np.ndarray:
    """(…,H,W) with `value` at the right and below, up to `size` (height, width)."""
    missing = [(0, side - met) for side, met in zip(size, array.shape[-2:], strict=True)]
    return np.pad(array, [(0, 0)] * (array.ndim - 2) + missing, constant_values=value)


@dataclass(frozen=True)
class Distortion:
    """Changes of a photograph's colours; None leaves out a change. The image has 8 bits after each.

    `brightness` is added, `contrast` and `saturation` are factors, `hue` is added in steps of two degrees.
    Contrast comes after brightness or, with `contrast_last`, at the end.
    """

    brightness: float | None = None
    contrast: float | None = None
    saturation: float | None = None
    hue: int | None = None
    contrast_last: bool = False

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """uint8 (H,W,3), RGB, to the same."""
        if self.brightness is not None:
            image = _eight_bits(image, 1, self.brightness)
        if self.contrast is not None and not self.contrast_last:
            image = _eight_bits(image, self.contrast, 0)
        if self.saturation is not None:
            colours = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
            colours[:, :, 1] = _eight_bits(colours[:, :, 1], self.saturation, 0)
            image = cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)
        if self.hue is not None:
            colours = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)
            colours[:, :, 0] = (colours[:, :, 0].astype(int) + self.hue) % HUES
            image = cv2.cvtColor(colours, cv2.COLOR_HSV2RGB)
        if self.contrast is not None and self.contrast_last:
            image = _eight_bits(image, self.contrast, 0)
        return image


def _eight_bits(image: np.ndarray, factor: float, shift: float) -> np.ndarray:
    """`image` times `factor` plus `shift`, cut off to whole numbers of 0 to 255."""
    changed = image.astype(np.float32) * np.float32(factor) + np.float32(shift)
    return np.clip(changed, 0, 255).astype(np.uint8)
