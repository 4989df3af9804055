"""ADE20K with 847 classes: the whole data set of 2021, of whose objects 847 count.

Specification prompts_and_labels.md, section 3. A label map holds an object's number as a colour; photographs
are made smaller and encoded anew, as the published scores have it.
"""

import functools
import io
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

from ms_ovs.data.layouts import SPLITS
from ms_ovs.data.mmseg import resized, resized_labels
from ms_ovs.data.pickles import ARRAYS, unpickle
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import WORD_IGNORE, below, lookup, tiff
from ms_ovs.data.prepare.names import check_listed
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.data.reading import read_image
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets

FOLDER = "ADE20K_2021_17_01"
INDEX = "index_ade20k.pkl"
SHORT_SIDE = 512  # pixels, at most
OBJECTS = 3688  # kinds of objects, numbered from 1: README of CSAILVision/ADE20K


def read_index(path: Path) -> list[tuple[PurePosixPath, str]]:
    """(folder below the root, file name) of every photograph.

    Raises `UserError` for a file that is no such index, and for names that lead elsewhere.
    """
    try:
        index = unpickle(path.read_bytes(), ARRAYS)
        found = [
            (str(folder), str(name)) for folder, name in zip(index["folder"], index["filename"], strict=True)
        ]
    except Exception as error:  # a damaged pickle raises anything
        raise UserError(
            f"index {str(path)!r} is no table of folders and file names ({error!r}): unpack it again"
        ) from None
    for folder, name in found:
        place = PurePosixPath(folder)
        if (
            place.is_absolute()
            or ".." in place.parts
            or not name.endswith(".jpg")
            or PurePosixPath(name).name != name
        ):
            raise UserError(
                f"index {str(path)!r} names {folder!r}, {name!r}, which is no photograph below it"
            )
    return [(PurePosixPath(folder), name) for folder, name in found]


def split_of(name: str) -> str:
    """Where an image belongs: "ADE_val_00000001.jpg" to validation, others to training."""
    training, validation = SPLITS
    return validation if name.split("_")[1:2] == ["val"] else training


def photograph(path: Path) -> bytes:
    """The JPEG of a photograph at the size that counts, with Pillow's defaults as the reference writes it."""
    data = io.BytesIO()
    Image.fromarray(smaller(read_image(path))).save(data, "JPEG")
    return data.getvalue()


def smaller(image: np.ndarray) -> np.ndarray:
    """uint8 (H,W,3) with a short side of at most 512, bilinear as OpenCV has it."""
    return resized(image, _size(*image.shape[:2]))


def classes(path: Path) -> bytes:
    """The TIFF of the classes for a published map of colours."""
    colours = read_image(path)
    numbers = colours[..., 0].astype(np.int32) // 10 * 256 + colours[..., 1]
    numbers = resized_labels(below(numbers, OBJECTS + 1, path), _size(*numbers.shape))
    return tiff(_table()[numbers])


def _size(height: int, width: int) -> tuple[int, int]:
    if min(height, width) <= SHORT_SIDE:
        return height, width
    if height <= width:
        return SHORT_SIDE, round(width / height * SHORT_SIDE)
    return round(height / width * SHORT_SIDE), SHORT_SIDE


@functools.cache
def _table() -> np.ndarray:
    return lookup(datasets.get("ade20k_847").raw_ids, WORD_IGNORE, np.uint16)


def _finish(work: Work) -> None:
    top = work.root / FOLDER
    index = read_index(top / INDEX)
    for split in work.splits:
        found = [(name, work.root / folder / name) for folder, name in index if split_of(name) == split]
        maps = [(name, path.with_name(f"{path.stem}_seg.png")) for name, path in found]
        check_listed(found, top / INDEX, "image")
        check_listed(maps, top / INDEX, "label map")
        images = [Job(top / "images_detectron2" / split / name, photograph, (path,)) for name, path in found]
        work.convert(images, "making images smaller", split)
        target = top / "annotations_detectron2" / split
        jobs = [Job(target / f"{Path(name).stem}.tif", classes, (path,)) for name, path in maps]
        work.convert(jobs, "mapping colours to classes", split)


ADE20K_847 = Recipe(
    # single objects and parts, some 900 thousand small files, are not needed
    sources=(Archive(f"{FOLDER}.zip", FOLDER, endings=(".jpg", "_seg.png", INDEX, "objects.txt")),),
    counts={"training": 25574, "validation": 2000},
    folder=FOLDER,
    finish=_finish,
    made=100_000,  # rough: a JPEG and a TIFF of 683×512
)
