"""Predictions in files, and scoring them again: neither the checkpoint nor MindSpore is needed for that.

A folder of label maps, of this program or another:

    DIR/sub/name.png    class numbers from 0: 8 bits, or 16 bits from 256 classes on, where the image is
                        IMAGES/sub/name.jpg
    DIR/meta.json       {"format": "ms_ovs label maps 1", "labels": ["wall", …]}, and where they come from:
                        "checkpoint" (sha256, …), "protocol" (name, …), "left_out" {"sub/name.png": why}

meta.json is written last: a folder without it is not whole.
"""

import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from PIL import Image
from pydantic import BaseModel, Field, ValidationError

from ms_ovs.data.reading import read_labels
from ms_ovs.errors import UserError
from ms_ovs.files import check_new_folder, write_whole

FORMAT = "ms_ovs label maps 1"
META = "meta.json"
MOST_8_BIT = 255  # classes; the value 255 itself stays free, since it stands for "no label" in many places
NOT_TOLD = {"name": "not told"}


class Meta(BaseModel):
    """What meta.json says."""

    format: Literal["ms_ovs label maps 1"]
    labels: list[str] = Field(min_length=1)
    checkpoint: dict[str, Any] = Field(default_factory=dict)
    protocol: dict[str, Any] = Field(default_factory=lambda: dict(NOT_TOLD))
    left_out: dict[str, str] = Field(default_factory=dict)


def map_names(images: Sequence[Path], folder: str | Path) -> list[str]:
    """What the label map of each image is called: the image's path below `folder`, as PNG."""
    return [image.relative_to(folder).with_suffix(".png").as_posix() for image in images]


class MapWriter:
    """Writes label maps into a new folder, each whole or not at all, and at last what they are."""

    def __init__(self, folder: str | Path, names: Sequence[str], labels: Sequence[str]):
        """Raises `UserError` for a folder that holds files or cannot be written."""
        check_new_folder(folder, "folder of predictions")
        self.folder, self.names, self.labels = Path(folder), tuple(names), tuple(labels)
        self._dtype = np.uint8 if len(self.labels) <= MOST_8_BIT else np.uint16

    def write(self, index: int, prediction: np.ndarray) -> None:
        """Write the label map, integers (H,W), of an image. Raises `UserError` where it cannot be."""
        buffer = io.BytesIO()
        Image.fromarray(prediction.astype(self._dtype)).save(buffer, "png")
        self._write(self.names[index], buffer.getvalue())

    def finish(
        self, checkpoint: Mapping[str, Any], protocol: Mapping[str, Any], left_out: Mapping[int, str]
    ) -> None:
        """Write meta.json; `left_out` says why an image has no map. Raises `UserError` where it cannot be."""
        meta = Meta(
            format=FORMAT,
            labels=list(self.labels),
            checkpoint=dict(checkpoint),
            protocol=dict(protocol),
            left_out={self.names[index]: message for index, message in left_out.items()},
        )
        self._write(META, (json.dumps(meta.model_dump(), indent=1, ensure_ascii=False) + "\n").encode())

    def _write(self, name: str, data: bytes) -> None:
        path = self.folder / name
        try:
            write_whole(path, data)
        except OSError as error:
            raise UserError(
                f"cannot write {str(path)!r} ({error.strerror}): name a folder with room that is yours"
            ) from None


class SavedMaps:
    """The label maps of a folder, for the images whose `names` they bear; `meta` is what it says of them."""

    def __init__(self, folder: str | Path, names: Sequence[str]):
        """Raises `UserError` for a folder that is not whole, and for images without a map."""
        self.folder, self.names = Path(folder), tuple(names)
        self.meta = _read_meta(self.folder / META)
        lost = [
            name
            for name in self.names
            if name not in self.meta.left_out and not (self.folder / name).is_file()
        ]
        if lost:
            raise UserError(
                f"{len(lost)} of {len(self.names)} images have no label map in {str(self.folder)!r}, "
                f"the first is {lost[0]!r}: give the maps of this data set, one for each image"
            )

    def check_labels(self, labels: Sequence[str]) -> None:
        """Raise `UserError` unless the maps can be those of a data set with these labels."""
        mine = self.meta.labels
        if len(mine) != len(labels):
            raise UserError(
                f"the maps have {len(mine)} labels, the data set {len(labels)}: they do not match"
            )
        if mine != list(labels) and sorted(mine) == sorted(labels):
            first = next(
                number for number, pair in enumerate(zip(mine, labels, strict=True)) if len({*pair}) > 1
            )
            raise UserError(
                f"the maps have the data set's labels in another order: class {first} is {mine[first]!r} "
                f"there and {labels[first]!r} here"
            )

    def read(self, index: int) -> np.ndarray:
        """The map of an image, uint8 or uint16 (H,W).

        Raises `UserError` where it cannot be read, or holds what is no class, and for an image left out.
        """
        name = self.names[index]
        path = self.folder / name
        if name in self.meta.left_out and not path.is_file():
            raise UserError(f"left out when the maps were made: {self.meta.left_out[name]}")
        prediction = read_labels(path)
        count = len(self.meta.labels)
        if prediction.max(initial=0) >= count:
            raise UserError(
                f"label map {str(path)!r} holds class {prediction.max()}, there are {count} labels "
                f"(0 to {count - 1}): every pixel needs one of them"
            )
        return prediction


class Targets(Protocol):
    """A data set whose truth can be read alone."""

    def __len__(self) -> int:
        """The number of images."""

    def target(self, index: int) -> Any:
        """The truth of an image, which has a `shape` (H,W)."""

    def name(self, index: int) -> str:
        """What to call an image."""


class Rescored:
    """Pairs of prediction and truth, in place of image and truth: what predicts them is `as_saved`."""

    def __init__(self, data: Targets, read: Callable[[int], Any]):
        """`read` gives the prediction for the image of that number."""
        self._data, self._read = data, read

    def __len__(self) -> int:
        """The number of images."""
        return len(self._data)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        """Raises `UserError` for files that cannot be read, and for predictions of another size."""
        prediction, target = self._read(index), self._data.target(index)
        if prediction.shape != target.shape:
            sizes = [f"{width}×{height}" for height, width in (prediction.shape, target.shape)]
            raise UserError(
                f"the prediction has {sizes[0]} pixels, the truth {sizes[1]}: save predictions in full size"
            )
        return prediction, target

    def name(self, index: int) -> str:
        """What tables call the image."""
        return self._data.name(index)


def as_saved(prediction: Any, progress: Any) -> Any:
    """The prediction of an item of `Rescored`: itself."""
    return prediction


def _read_meta(path: Path) -> Meta:
    try:
        return Meta.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"{str(path.parent)!r} has no {META}: it holds no label maps, or writing them was interrupted "
            f'(for maps of another program write {{"format": "{FORMAT}", "labels": […]}} there)'
        ) from None
    except OSError as error:
        raise UserError(f"{str(path)!r} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        fault = error.errors()[0]
        place = f", at {'.'.join(map(str, fault['loc']))}" if fault["loc"] else ""
        raise UserError(f"{str(path)!r}{place}: {fault['msg']}") from None
