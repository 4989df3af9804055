"""Panoptic maps as COCO stores them: a PNG for each image, whose colours are ids, and one JSON file for all.

The id of a pixel's segment is R + 256·G + 65536·B, 0 is void. The JSON has one of `annotations` for each PNG
(`image_id`, `file_name`, `segments_info` with `id`, `category_id`, `iscrowd`), and for a truth also the
`categories` (`id`, `name`, `isthing`). Areas in it are not read: pixels are counted.
"""

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pydantic import BaseModel, ValidationError

from ms_ovs.data.reading import read_image
from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError
from ms_ovs.files import check_new_folder, write_whole

SUFFIX = ".png"
JSON_NAME = "panoptic.json"
IDS = 2**24  # three bytes

ImageId = int | str


class SegmentInfo(BaseModel):
    """A segment of an annotation."""

    id: int
    category_id: int
    iscrowd: bool = False


class Annotation(BaseModel):
    """One PNG file and the segments in it."""

    image_id: ImageId
    file_name: str
    segments_info: list[SegmentInfo]


class Category(BaseModel):
    """A class; `isthing` is missing in some files of predictions."""

    id: int
    name: str = ""
    isthing: bool | None = None


class _File(BaseModel):
    info: Any = None
    annotations: list[Annotation]
    categories: list[Category] = []


@dataclass(frozen=True)
class PanopticFiles:
    """The panoptic maps that a JSON file lists, in the order of their file names.

    `categories` are those of the file, if it has any; `info` is what it says of itself.
    """

    path: Path
    folder: Path
    annotations: Mapping[ImageId, Annotation]
    categories: tuple[Category, ...]
    info: Any

    @classmethod
    def open(cls, path: str | Path, folder: str | Path) -> "PanopticFiles":
        """As `load`. Raises `UserError` for PNG files that are missing too."""
        files = cls.load(path, folder)
        if lost := files.lost():
            raise UserError(
                f"panoptic map {str(files.folder / lost[0])!r} is missing ({len(lost)} of "
                f"{len(files.annotations)} that {str(path)!r} lists are): complete the folder or name the "
                "right one"
            )
        return files

    @classmethod
    def load(cls, path: str | Path, folder: str | Path) -> "PanopticFiles":
        """Read the JSON file at `path`, whose PNG files are in `folder`, or should be.

        Raises `UserError` for a file that cannot be read or is not of the format, and an image that is listed
        twice.
        """
        path, folder = Path(path), Path(folder)
        try:
            file = _File.model_validate_json(path.read_bytes())
        except OSError as error:
            raise UserError(f"panoptic JSON {str(path)!r} cannot be read ({error.strerror})") from None
        except ValidationError as error:
            fault = max(error.errors(), key=lambda fault: len(fault["loc"]))  # the closest of alternatives
            place = f", at {'.'.join(map(str, fault['loc']))}" if fault["loc"] else ""
            raise UserError(f"panoptic JSON {str(path)!r}{place}: {fault['msg']}") from None
        files = sorted(file.annotations, key=lambda annotation: annotation.file_name)
        annotations = {annotation.image_id: annotation for annotation in files}
        if len(annotations) < len(files):
            twice = next(one for one in files if annotations[one.image_id] is not one)
            raise UserError(
                f"panoptic JSON {str(path)!r} lists image {twice.image_id!r} twice ({twice.file_name!r} and "
                f"{annotations[twice.image_id].file_name!r}): one of the two must go"
            )
        return cls(path, folder, annotations, tuple(file.categories), file.info)

    def lost(self) -> list[str]:
        """The file names of maps that are not there."""
        names = (one.file_name for one in self.annotations.values())
        return [name for name in names if not (self.folder / name).is_file()]

    def told(self, name: str, default: Mapping[str, Any]) -> Mapping[str, Any]:
        """What `info` says under a name, if that is a mapping, else `default`."""
        said = self.info.get(name) if isinstance(self.info, Mapping) else None
        return said if isinstance(said, Mapping) else default

    def check_images(self, image_ids: Sequence[ImageId]) -> None:
        """Raise `UserError` unless there is a map of every image."""
        if missing := [image_id for image_id in image_ids if image_id not in self.annotations]:
            raise UserError(
                f"{len(missing)} of {len(image_ids)} images have no panoptic map in {str(self.path)!r}, the "
                f"first is image {missing[0]!r}: predict them too, or name another data set"
            )

    def check_categories(self, table: Mapping[int, int]) -> None:
        """Raise `UserError` for segments of categories that are not in `table`."""
        for annotation in self.annotations.values():
            for segment in annotation.segments_info:
                check_category(segment.id, segment.category_id, table, annotation.file_name, self.path)

    def read(self, image_id: ImageId, table: Mapping[int, int]) -> PanopticMap:
        """The map of an image, by a table {category id: class}.

        Raises `UserError`, naming the PNG, where it cannot be read, or is not what its annotation says.
        """
        path = self.folder / self.annotations[image_id].file_name
        return checked(read_ids(path), self.segments(image_id, table), path, self.path)

    def segments(self, image_id: ImageId, table: Mapping[int, int]) -> tuple[Segment, ...]:
        """The segments of an image, by a table {category id: class}."""
        infos = self.annotations[image_id].segments_info
        return tuple(Segment(one.id, table[one.category_id], one.iscrowd) for one in infos)


def check_category(segment: int, category: int, table: Mapping[int, int], name: str, listed: Path) -> None:
    """Raise `UserError` unless the category of a segment of the map `name`, in `listed`, is in `table`."""
    if category not in table:
        raise UserError(
            f"panoptic JSON {str(listed)!r}: segment {segment} of {name!r} is of category {category}; "
            f"known are {_listed(sorted(table))}: check the table"
        )


def read_ids(path: Path) -> np.ndarray:
    """The ids in the PNG file at `path`, int32 (H,W). Raises `UserError` where it cannot be read."""
    colours = read_image(path).astype(np.int32)
    return colours[..., 0] | colours[..., 1] << 8 | colours[..., 2] << 16


def checked(ids: np.ndarray, segments: Sequence[Segment], path: Path, listed: Path) -> PanopticMap:
    """The map of `ids`, int32 (H,W), in the PNG file `path`, and its segments from the JSON file `listed`.

    Raises `UserError` where the two disagree.
    """
    panoptic = PanopticMap(ids, tuple(segments))
    try:
        _ = panoptic.places  # which checks the segments
    except UserError as error:
        raise UserError(f"panoptic map {str(path)!r}: {error} (listed in {str(listed)!r})") from None
    return panoptic


def locate(place: str | Path) -> tuple[Path, Path]:
    """JSON file and folder of PNG files that `place` means.

    Of a folder it is the one JSON file in it; of a JSON file the folder of the same name beside it, as COCO
    has it, or else the one that it is in. Raises `UserError` where there is no such thing, or several files.
    """
    place = Path(place)
    if place.is_dir():
        found = sorted(place.glob("*.json"))
        if len(found) != 1:
            raise UserError(
                f"folder {str(place)!r} holds {len(found)} JSON files: name the one that is meant"
            )
        return found[0], place
    if not place.is_file():
        raise UserError(f"{str(place)!r} does not exist: name a folder of panoptic maps, or their JSON file")
    return place, place.with_suffix("") if place.with_suffix("").is_dir() else place.parent


def write(
    folder: str | Path,
    maps: Iterable[tuple[ImageId, str, PanopticMap]],
    categories: Sequence[Category],
    info: Mapping[str, Any] | None = None,
) -> Path:
    """Write maps, each with its image's id and name, into a new folder, and return the JSON file's path.

    The name is the path of the PNG below the folder, without suffix; `categories` are those of the classes,
    in order; `info` is what the JSON file shall say of itself. Each file is there whole or not at all, the
    JSON file last. Raises `UserError` for a folder that holds files, ids beyond three bytes, and maps whose
    segments are not what they hold.
    """
    folder = Path(folder)
    check_new_folder(folder, "folder of panoptic maps")
    annotations = []
    for image_id, name, panoptic in maps:
        areas = np.bincount(panoptic.places.ravel(), minlength=len(panoptic.segments) + 1)[1:].tolist()
        write_whole(folder / f"{name}{SUFFIX}", encode_ids(panoptic.ids, name))
        rows = [
            {
                "id": segment.id,
                "category_id": categories[segment.label].id,
                "iscrowd": int(segment.crowd),
                "area": area,
            }
            for segment, area in zip(panoptic.segments, areas, strict=True)
        ]
        annotations.append({"image_id": image_id, "file_name": f"{name}{SUFFIX}", "segments_info": rows})
    content = {
        "info": dict(info or {}),
        "annotations": annotations,
        "categories": [
            category.model_dump(exclude_none=True)
            | ({} if category.isthing is None else {"isthing": int(category.isthing)})
            for category in categories
        ],
    }
    path = folder / JSON_NAME
    write_whole(path, json.dumps(content, ensure_ascii=False) + "\n")
    return path


def encode_ids(ids: np.ndarray, name: str) -> bytes:
    """int32 (H,W) as a PNG file. Raises `UserError`, calling the map `name`, for ids beyond three bytes."""
    if ids.max(initial=0) >= IDS:
        raise UserError(f"{name}: segment {ids.max()} does not fit three bytes: number them from 1 on")
    buffer = io.BytesIO()
    colours = np.stack([ids & 255, ids >> 8 & 255, ids >> 16], axis=-1).astype(np.uint8)
    Image.fromarray(colours).save(buffer, "png")
    return buffer.getvalue()


def _listed(ids: list[int]) -> str:
    return ", ".join(map(str, ids)) if len(ids) <= 10 else f"{len(ids)} from {ids[0]} to {ids[-1]}"
