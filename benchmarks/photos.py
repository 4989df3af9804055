"""Photographs of ADE20K's usual size with label maps, in its folders: what a loader reads, drawn."""

from pathlib import Path

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 683, 512
CLASSES = 150
QUALITY = 90  # some 100 kB a file


def write(root: Path, count: int) -> None:
    """`count` pairs into images/training and annotations/training."""
    draws = np.random.default_rng(0)
    images, annotations = root / "images/training", root / "annotations/training"
    images.mkdir(parents=True)
    annotations.mkdir(parents=True)
    for number in range(count):
        photograph(draws).save(images / f"{number:06}.jpg", quality=QUALITY)
        regions = Image.fromarray(draws.integers(0, CLASSES + 1, (6, 8), np.uint8))
        regions.resize((WIDTH, HEIGHT), Image.Resampling.NEAREST).save(annotations / f"{number:06}.png")


def photograph(draws: np.random.Generator) -> Image.Image:
    """Soft shapes with some grain: noise alone would take a decoder far longer than a photograph does."""
    soft = Image.fromarray(draws.integers(0, 256, (24, 32, 3), np.uint8))
    pixels = np.asarray(soft.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), np.float32)
    grain = draws.normal(0, 6, (HEIGHT, WIDTH, 1)).astype(np.float32)
    return Image.fromarray((pixels + grain).clip(0, 255).astype(np.uint8))
