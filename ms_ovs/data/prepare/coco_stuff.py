"""COCO-Stuff 164k: 171 classes, and its split into 156 that are seen and 15 that are not.

Specification prompts_and_labels.md, section 3. A pixel of the published maps is the category's id less one;
eleven ids are unused, and 255 is no category.
"""

import numpy as np

from ms_ovs.data.layouts import SHORT
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import BYTE_IGNORE, check_values, lookup, png
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.data.reading import read_labels
from ms_ovs.vocab import datasets

COCO = "coco"


def photographs() -> tuple[Archive, ...]:
    """The images of 2017, one archive a split."""
    return tuple(
        Archive(f"{short}2017.zip", f"{short}2017", COCO, splits=(split,)) for split, short in SHORT.items()
    )


def _maps() -> tuple[Archive, ...]:
    name = "stuffthingmaps_trainval2017.zip"
    return tuple(
        Archive(name, f"{short}2017", f"{COCO}/stuffthingmaps", splits=(split,))
        for split, short in SHORT.items()
    )


def classes(path, table: np.ndarray, known: frozenset[int]) -> bytes | None:
    """The map of classes for a published map, or None where no pixel is of any."""
    labels = table[check_values(read_labels(path), known, path, "category of COCO-Stuff")]
    return png(labels) if (labels != BYTE_IGNORE).any() else None


def _finish(work: Work) -> None:
    ids = datasets.get("coco_stuff_171").raw_ids
    table, known = lookup(ids, BYTE_IGNORE), frozenset({*ids, BYTE_IGNORE})
    for split in work.splits:
        folder = work.root / COCO / "stuffthingmaps" / f"{SHORT[split]}2017"
        target = work.root / COCO / "stuffthingmaps_detectron2" / folder.name
        jobs = [
            Job(target / path.name, classes, (path,), (table, known)) for path in sorted(folder.glob("*.png"))
        ]
        work.convert(jobs, "mapping categories to classes", split)


COCO_STUFF_171 = Recipe(
    sources=(*photographs(), *_maps()),
    counts={"training": 118287, "validation": 5000},
    folder=COCO,
    finish=_finish,
    made=32_000,  # rough: a grey PNG of 640×480
)
