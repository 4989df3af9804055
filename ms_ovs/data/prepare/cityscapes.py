"""Cityscapes: the 19 classes of its benchmark, as maps of classes and as panoptic maps.

The ids of the published maps go from 0 to 33. The 19 that are evaluated become classes 0 to 18, the others
are ignored: what createTrainIdLabelImgs and createPanopticImgs of cityscapesScripts make.
"""

from pathlib import Path

import numpy as np

from ms_ovs.data.coco_panoptic import encode_ids
from ms_ovs.data.layouts import SHORT
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import BYTE_IGNORE, below, lookup, png
from ms_ovs.data.prepare.panoptic_json import INSTANCES, Listed, write_panoptic_json
from ms_ovs.data.prepare.recipe import Recipe, Work, count_panoptic
from ms_ovs.data.reading import read_labels
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets

FOLDER = "cityscapes"
COUNTS = {"training": 2975, "validation": 500}
IDS = 34  # of the published maps
UNKNOWN = -1

SOURCES = tuple(
    Archive(f"{kind}_trainvaltest.zip", f"{kind}/{short}", FOLDER, splits=(split,))
    for kind in ("leftImg8bit", "gtFine")
    for split, short in SHORT.items()
)


def classes(path: Path, table: np.ndarray) -> bytes:
    """The map of classes for a map of ids."""
    return png(table[below(read_labels(path), IDS, path)])


def segments(path: Path, table: np.ndarray) -> bytes:
    """The panoptic map for a map of instances, by a table {stored value: id of the segment}."""
    ids = table[read_labels(path)]
    if (ids == UNKNOWN).any():
        stray = read_labels(path)[ids == UNKNOWN][0]
        raise UserError(
            f"instance map {str(path)!r} holds {stray}; values are ids to {IDS - 1}, or an id times "
            f"{INSTANCES} plus a number: unpack it again"
        )
    return encode_ids(ids, path.name)


def _evaluated() -> np.ndarray:
    """int32 (65536,): a stored value as the id of a segment, 0 where its class is not evaluated."""
    values = np.arange(2**16, dtype=np.int32)
    ids = np.where(values < INSTANCES, values, values // INSTANCES)
    known = np.isin(ids, list(datasets.get("cityscapes_19").raw_ids))
    return np.where(known, values, np.where(ids < IDS, 0, UNKNOWN)).astype(np.int32)


def _finish_classes(work: Work) -> None:
    table = lookup(datasets.get("cityscapes_19").raw_ids, BYTE_IGNORE)
    for split in work.splits:
        jobs = [
            Job(_sibling(path, "labelIds", "labelTrainIds"), classes, (path,), (table,))
            for path in _maps(work, split, "labelIds")
        ]
        work.convert(jobs, "mapping ids to classes", split)


def _finish_panoptic(work: Work) -> None:
    table = _evaluated()
    for split in work.splits:
        folder = work.root / FOLDER / "gtFine" / f"cityscapes_panoptic_{SHORT[split]}"
        sources = _maps(work, split, "instanceIds")
        targets = [folder / _sibling(path, "instanceIds", "panoptic").name for path in sources]
        jobs = [
            Job(target, segments, (path,), (table,)) for target, path in zip(targets, sources, strict=True)
        ]
        work.convert(jobs, "making panoptic maps", split)
        listed = [
            Listed(
                path.name.removesuffix("_gtFine_instanceIds.png"),
                _sibling(path, "instanceIds", "leftImg8bit").name,  # sic, as createPanopticImgs
                target,
            )
            for target, path in zip(targets, sources, strict=True)
        ]
        write_panoptic_json(work, split, folder.with_suffix(".json"), listed, "cityscapes_19")


def _maps(work: Work, split: str, kind: str) -> list[Path]:
    return sorted((work.root / FOLDER / "gtFine" / SHORT[split]).glob(f"*/*_gtFine_{kind}.png"))


def _sibling(path: Path, kind: str, other: str) -> Path:
    return path.with_name(path.name.replace(f"_{kind}.png", f"_{other}.png"))


CITYSCAPES_19 = Recipe(
    sources=SOURCES,
    counts=COUNTS,
    folder=FOLDER,
    finish=_finish_classes,
    made=40_000,  # rough: a grey PNG of 2048×1024
)
CITYSCAPES_PANOPTIC = Recipe(
    sources=SOURCES,
    counts=COUNTS,
    folder=FOLDER,
    finish=_finish_panoptic,
    count=count_panoptic,
    made=60_000,  # rough: a PNG of 2048×1024 in colour, and its lines in the JSON file
)
