"""PASCAL Context with 59 classes, 60 with the background, or all 459.

Specification prompts_and_labels.md, section 3. The division into training and validation is that of
`trainval_merged.json`, the file of "PASCAL in Detail", in which 4996 images are for training and 5104 for
validation (the paper of PASCAL Context counts 4998 and 5105); an image without any annotation there is in
neither. The masks of 59 and 60 classes are those of the same file, painted one over the other in its order,
since the scores of mmseg, MAFT and others are counted on them; they are known to differ from the original
maps in places. The 459 classes are only in the original maps, `LabelMap` in the .mat files.
"""

import functools
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from pycocotools import mask as masks

from ms_ovs.data.layouts import SHORT
from ms_ovs.data.prepare.archive import Archive, PlainFile
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import BYTE_IGNORE, WORD_IGNORE, below, check_values, lookup, png, tiff
from ms_ovs.data.prepare.matlab import read_matlab
from ms_ovs.data.prepare.names import check_listed, write_names
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.data.reading import read_labels
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets

VOC = "VOCdevkit/VOC2010"
ALL = 459  # classes, numbered from 1; 0 is no class

PHOTOGRAPHS = Archive("VOCtrainval_03-May-2010.tar", f"{VOC}/JPEGImages")
DETAIL = PlainFile("trainval_merged.json")
MAPS = Archive("trainval.tar.gz", "trainval", VOC, endings=(".mat",))


@dataclass(frozen=True)
class Photograph:
    """An image of the JSON: its name, (H,W), and of each piece the id among the 459 and the encoded mask."""

    name: str
    shape: tuple[int, int]
    pieces: Sequence[tuple[int, dict[str, Any]]]


def read_detail(path: Path) -> dict[str, list[Photograph]]:
    """{"train", "val", …: photographs with annotations, by name}. Raises `UserError` for any other file."""
    try:
        with path.open("rb") as file:
            content = json.load(file)
        pieces = defaultdict(list)
        for piece in content["annos_segmentation"]:
            pieces[piece["image_id"]].append((int(piece["category_id"]), piece["segmentation"]))
        found = defaultdict(list)
        for image in content["images"]:
            if painted := pieces.get(image["image_id"]):
                name = PurePath(image["file_name"]).stem
                shape = int(image["height"]), int(image["width"])
                found[image["phase"]].append(Photograph(name, shape, painted))
    except OSError as error:
        raise UserError(f"file {str(path)!r} cannot be read ({error.strerror}): check its path") from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"file {str(path)!r} is not the JSON of PASCAL in Detail ({error!r}): fetch {DETAIL.name} again"
        ) from None
    return {phase: sorted(images, key=lambda image: image.name) for phase, images in found.items()}


def with_background(path: Path, image: Photograph) -> bytes:
    """The grey PNG of the 60 classes for an image of the JSON `path`."""
    stored = np.zeros(image.shape, np.uint16)
    for number, mask in image.pieces:
        if not 0 <= number <= ALL:
            raise UserError(
                f"file {str(path)!r} gives {image.name!r} a piece of category {number}; they go to {ALL}: "
                "fetch it again"
            )
        stored[_decoded(path, image, mask)] = number
    return png(_table_60()[stored])


def _decoded(path: Path, image: Photograph, mask: dict[str, Any]) -> np.ndarray:
    """bool (H,W)"""
    try:
        found = masks.decode(mask).astype(bool)
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"file {str(path)!r} has a mask of {image.name!r} that cannot be read ({error!r}): fetch it again"
        ) from None
    if found.shape != image.shape:
        raise UserError(
            f"file {str(path)!r} has a mask of {image.name!r} of (height, width) {found.shape}, the image "
            f"has {image.shape}: fetch it again"
        )
    return found


@functools.cache
def _table_60() -> np.ndarray:
    """Ids among the 459 to the 60 classes; what is none of the 59 is background, class 0."""
    return lookup(datasets.get("pascal_context_60").raw_ids, 0)


def without_background(path: Path) -> bytes | None:
    """The map of the 59 classes for one of the 60, or None where no pixel is of any."""
    stored = check_values(read_labels(path), range(60), path, "class of PASCAL Context-60")
    labels = np.where(stored == 0, BYTE_IGNORE, stored - 1)
    return png(labels) if (labels != BYTE_IGNORE).any() else None


def all_classes(path: Path) -> bytes | None:
    """The TIFF of the 459 classes for an original map, or None where no pixel is of any."""
    stored = below(read_matlab(path, "LabelMap"), ALL + 1, path)
    labels = lookup(datasets.get("pascal_context_459").raw_ids, WORD_IGNORE, np.uint16)[stored]
    return tiff(labels) if (labels != WORD_IGNORE).any() else None


def _photographs(work: Work) -> dict[str, list[Photograph]]:
    """Those of each split, whose lists are written; each has its file."""
    path, folder = work.found[DETAIL.name], work.root / VOC
    detail, found = read_detail(path), {}
    for split in work.splits:
        short = SHORT[split]
        found[split] = detail.get(short, [])
        names = [image.name for image in found[split]]
        check_listed(((name, folder / "JPEGImages" / f"{name}.jpg") for name in names), path, "image")
        write_names(folder / f"ImageSets/SegmentationContext/{short}.txt", names)
    return found


def _finish_60(work: Work) -> dict[str, list[str]]:
    """Write `SegmentationClassContext`; the names of each split."""
    path, target, found = (
        work.found[DETAIL.name],
        work.root / VOC / "SegmentationClassContext",
        _photographs(work),
    )
    for split, images in found.items():
        jobs = [Job(target / f"{image.name}.png", with_background, (path,), (image,)) for image in images]
        work.convert(jobs, "painting masks", split)
    return {split: [image.name for image in images] for split, images in found.items()}


def _finish_59(work: Work) -> None:
    top = work.root / VOC
    for split, names in _finish_60(work).items():
        target = top / "annotations_detectron2_ovs" / f"pc59_{SHORT[split]}"
        jobs = [
            Job(
                target / f"{name}.png",
                without_background,
                (top / "SegmentationClassContext" / f"{name}.png",),
            )
            for name in names
        ]
        work.convert(jobs, "leaving out the background", split)


def _finish_459(work: Work) -> None:
    top = work.root / VOC
    for split, images in _photographs(work).items():
        maps = {image.name: top / "trainval" / f"{image.name}.mat" for image in images}
        check_listed(maps.items(), work.found[DETAIL.name], "label map")
        target = top / "annotations_detectron2_ovs" / f"pc459_{SHORT[split]}"
        jobs = [Job(target / f"{name}.tif", all_classes, (path,)) for name, path in maps.items()]
        work.convert(jobs, "mapping ids to classes", split)


COUNTS = {"training": 4996, "validation": 5104}
_DETAIL_ONLY = (PHOTOGRAPHS, DETAIL)

# made is rough: a grey PNG, or a TIFF of 16 bits, of 500×375
PASCAL_CONTEXT_59 = Recipe(_DETAIL_ONLY, COUNTS, VOC, _finish_59, made=20_000)
PASCAL_CONTEXT_60 = Recipe(_DETAIL_ONLY, COUNTS, VOC, _finish_60, made=10_000)
PASCAL_CONTEXT_459 = Recipe((*_DETAIL_ONLY, MAPS), COUNTS, VOC, _finish_459, made=20_000)
