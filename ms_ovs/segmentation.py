"""What comes out of a segmentation: label map, shares of the classes, pictures, files."""

import io
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ms_ovs import viz
from ms_ovs.errors import UserError
from ms_ovs.files import write_whole


@dataclass(frozen=True, eq=False)
class Segmentation:
    """A segmented photograph.

    `label_map` int32 (H,W) holds the class of each pixel, a number into `names`; `shares` the fraction
    of the pixels that each class has (they sum to 1); `image` is the photograph, uint8 (H,W,3), upright.
    `record` says how it was made: checkpoint, templates, windows, versions, seconds.
    """

    label_map: np.ndarray
    names: tuple[str, ...]
    shares: tuple[float, ...]
    image: np.ndarray
    record: Mapping[str, Any] = field(default_factory=dict)

    def overlay(self, alpha: float = 0.5) -> Image.Image:
        """The photograph under its classes' colours, with a legend of names and shares beside it."""
        return viz.overlay(self.image, self.label_map, self.names, alpha=alpha)

    def top(self, count: int) -> list[tuple[str, float]]:
        """The `count` classes with the largest shares, largest first, without absent ones."""
        ranked = sorted(zip(self.names, self.shares, strict=True), key=lambda pair: -pair[1])
        return [pair for pair in ranked[:count] if pair[1] > 0]

    def summary(self) -> dict[str, Any]:
        """What `save` writes as JSON: the record, the size, and name and share of every class in order."""
        height, width = self.label_map.shape
        classes = [
            {"label": label, "name": name, "share": share}
            for label, (name, share) in enumerate(zip(self.names, self.shares, strict=True))
        ]
        return {**self.record, "height": height, "width": width, "classes": classes}

    def save(self, folder: str | Path, stem: str) -> tuple[Path, Path, Path]:
        """Write STEM_labels.png, STEM_overlay.png and STEM.json into `folder`, and return their paths.

        Pixels of the first are class numbers: 8 bits with a palette, or 16 bits from 257 classes on.
        Each file is there whole or not at all. Raises `UserError` where the folder cannot be written.
        """
        folder = Path(folder)
        contents = {
            folder / f"{stem}_labels.png": _png(
                viz.label_image(self.label_map, viz.palette(len(self.names)))
            ),
            folder / f"{stem}_overlay.png": _png(self.overlay()),
            folder / f"{stem}.json": (
                json.dumps(self.summary(), indent=1, ensure_ascii=False) + "\n"
            ).encode(),
        }
        for path, data in contents.items():
            try:
                write_whole(path, data)
            except OSError as error:
                raise UserError(
                    f"cannot write {str(path)!r} ({error.strerror}): name a folder with room that is yours"
                ) from None
        return tuple(contents)


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return buffer.getvalue()
