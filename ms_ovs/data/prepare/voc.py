"""PASCAL VOC 2012 with 20 classes, or 21 with the background, trained with the extra maps of SBD.

Specification prompts_and_labels.md, section 3. Maps hold 0 for the background, 1 to 20 for the classes and
255 for no label. The usual 10582 training images are VOC's own and those of SBD, less VOC's validation
images; where VOC has a map of its own, that one counts.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ms_ovs.data.layouts import SHORT
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.encode import BYTE_IGNORE, check_values, lookup, png
from ms_ovs.data.prepare.matlab import read_matlab
from ms_ovs.data.prepare.names import check_listed, write_names
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.data.reading import read_labels
from ms_ovs.vocab import datasets
from ms_ovs.vocab.files import read_lines

VOC = "VOCdevkit/VOC2012"
EXTRA = "VOCdevkit/VOCaug"
STORED = frozenset({*range(21), BYTE_IGNORE})

PHOTOGRAPHS = Archive(
    "VOCtrainval_11-May-2012.tar",
    VOC,
    sha1="4e443f8a2eca6b1dac8a6c57641b67dd40621a49",  # as GluonCV's pascal_voc.py states it
)
SBD = Archive(
    "benchmark.tgz",
    "benchmark_RELEASE/dataset/cls",
    EXTRA,
    strip=1,
    note="SBD's; or SegmentationClassAug.zip",
    sha1="7129e0a480c2d6afb02b517bb18ac54283bfaa35",  # as GluonCV's pascal_voc.py states it
    splits=("training",),
)
READY = Archive(
    "SegmentationClassAug.zip",
    "SegmentationClassAug",
    EXTRA,
    splits=("training",),
    optional=True,
    endings=(".png",),
    instead=SBD.name,
)


def stored_classes(path: Path) -> np.ndarray:
    """The uint8 (H,W) map of VOC (PNG with a palette) or SBD (.mat), its values as they are stored."""
    values = read_matlab(path, "GTcls", "Segmentation") if path.suffix == ".mat" else read_labels(path)
    return check_values(values, STORED, path, "class of PASCAL VOC")


def with_background(path: Path) -> bytes:
    """The map as a grey PNG."""
    return png(stored_classes(path))


def without_background(path: Path) -> bytes | None:
    """The map of the 20 classes, or None where no pixel is of any."""
    labels = lookup(datasets.get("voc_20").raw_ids, BYTE_IGNORE)[stored_classes(path)]
    return png(labels) if (labels != BYTE_IGNORE).any() else None


def _finish(work: Work) -> dict[str, Sequence[str]]:
    """Write `SegmentationClassAug` and the list of training images; the names of each split."""
    top = work.root / VOC
    target, names = top / "SegmentationClassAug", {}
    for split in work.splits:
        maps = _own_maps(top, SHORT[split])
        if split == "training":
            maps = _extra_maps(work.root, set(_own_maps(top, "val"))) | maps
            write_names(top / "ImageSets/Segmentation/trainaug.txt", sorted(maps))
        names[split] = sorted(maps)
        jobs = [Job(target / f"{name}.png", with_background, (maps[name],)) for name in names[split]]
        work.convert(jobs, "collecting label maps", split)
    return names


def _own_maps(top: Path, short: str) -> dict[str, Path]:
    """{name: map} of a list of VOC's; each has its map and its photograph."""
    where = top / f"ImageSets/Segmentation/{short}.txt"
    maps = {name: top / "SegmentationClass" / f"{name}.png" for name in read_lines(where, "list of names")}
    check_listed(maps.items(), where, "label map")
    check_listed(((name, top / "JPEGImages" / f"{name}.jpg") for name in maps), where, "image")
    return maps


def _extra_maps(root: Path, others: set[str]) -> dict[str, Path]:
    """{name: map} of those that are not VOC's, except for `others`; each has its photograph."""
    folder = next(place for archive in (SBD, READY) if (place := root / archive.place).is_dir())
    files = (path for path in folder.iterdir() if path.suffix in (".mat", ".png"))
    maps = {path.stem: path for path in files if path.stem not in others}
    photographs = root / VOC / "JPEGImages"
    check_listed(((name, photographs / f"{name}.jpg") for name in sorted(maps)), folder, "image")
    return maps


def _finish_20(work: Work) -> None:
    top = work.root / VOC
    for split, names in _finish(work).items():
        target = top / "annotations_ovs" / SHORT[split]
        jobs = [
            Job(target / f"{name}.png", without_background, (top / "SegmentationClassAug" / f"{name}.png",))
            for name in names
        ]
        work.convert(jobs, "leaving out the background", split)


VOC_21 = Recipe(
    sources=(PHOTOGRAPHS, SBD, READY),
    counts={"training": 10582, "validation": 1449},
    folder=VOC,
    finish=_finish,
    made=8_000,  # rough: a grey PNG of 500×375
)
VOC_20 = Recipe(VOC_21.sources, VOC_21.counts, VOC, _finish_20, made=16_000)
