"""COCO panoptic: 133 classes, the authors' panoptic maps and the maps of classes that follow from them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ms_ovs.data.coco_panoptic import PanopticFiles, checked, read_ids
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import SHORT, preset
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.coco_stuff import COCO, photographs
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import BYTE_IGNORE, png
from ms_ovs.data.prepare.recipe import Recipe, Work, count_panoptic
from ms_ovs.data.segments import Segment
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets

ARCHIVE = "panoptic_annotations_trainval2017.zip"


def classes(path: Path, segments: Sequence[Segment], listed: Path) -> bytes:
    """The map of classes, 255 where there is none, for a panoptic map and its segments in the file `listed`.

    Pixels of crowds have a class too.
    """
    table = [BYTE_IGNORE, *(segment.label for segment in segments)]
    return png(np.array(table, np.uint8)[checked(read_ids(path), segments, path, listed).places])


def _finish(work: Work) -> None:
    for split in work.splits:
        _finish_split(work, split)


def _finish_split(work: Work, split: str) -> None:
    coco, name = work.root / COCO, f"panoptic_{SHORT[split]}2017"
    listed, packed, folder = coco / f"annotations/{name}.json", coco / f"annotations/{name}.zip", coco / name
    if packed.exists():
        work.unpack(packed, name, coco)
    if not listed.exists() or not folder.exists():
        lost = folder if listed.exists() else listed
        raise UserError(f"{str(lost)!r} is not there: give {ARCHIVE}, which holds it, as --source too")
    table = datasets.get("coco_panoptic_133").raw_ids
    files = PanopticFiles.open(listed, folder)
    files.check_categories(table)
    target = coco / f"panoptic_semseg_{SHORT[split]}2017"
    jobs = [
        Job(
            target / Path(one.file_name).name,
            classes,
            (folder / one.file_name,),
            (files.segments(image_id, table), listed),
        )
        for image_id, one in files.annotations.items()
    ]
    work.convert(jobs, "making maps of classes", split)


def _count(name: str, work: Work, split: str) -> int:
    """Panoptic maps; each has a map of classes and an image, too."""
    FolderDataset(preset("coco_semantic_133", work.root, split))
    return count_panoptic(name, work, split)


COCO_PANOPTIC_133 = Recipe(
    sources=(*photographs(), Archive(ARCHIVE, "annotations", COCO)),
    counts={"training": 118287, "validation": 5000},
    folder=COCO,
    finish=_finish,
    count=_count,
    made=24_000,  # rough: a panoptic map and a map of classes of 640×480
)
