"""CLIP's image preprocessing: a photograph to the network's input, to the last grey level of the original.

Pillow does the resizing, as in the original (repository openai/CLIP, `_transform`): its bicubic filter is
antialiased and rounds to 8 bits, which no tensor resize reproduces.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from ms_ovs.errors import UserError


def preprocess(
    image: Image.Image, resolution: int, mean: Sequence[float], std: Sequence[float]
) -> np.ndarray:
    """float32 (3, resolution, resolution): the centre of `image`, its short side resized to `resolution`.

    `mean` and `std` are for RGB values in 0..1. The image may have any mode; it is made RGB after the
    resize, as in the original. Raises `UserError` for an image without pixels.
    """
    if not all(image.size):
        raise UserError(f"image of {image.width}×{image.height} pixels: give one that is not empty")
    short, long = sorted(image.size)
    if short != resolution:
        scaled = int(resolution * long / short)  # truncated, not rounded
        size = (resolution, scaled) if image.width <= image.height else (scaled, resolution)
        image = image.resize(size, Image.Resampling.BICUBIC)
    # Python's round: halves go to the even number
    left, top = (round((side - resolution) / 2) for side in image.size)
    image = image.crop((left, top, left + resolution, top + resolution)).convert("RGB")
    pixels = np.asarray(image, np.float32).transpose(2, 0, 1) / np.float32(255)
    mean, std = (np.asarray(values, np.float32).reshape(3, 1, 1) for values in (mean, std))
    return (pixels - mean) / std
