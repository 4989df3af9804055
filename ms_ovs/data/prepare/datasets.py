"""The data sets that can be prepared, and the way from their archives to a data set that is whole."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ms_ovs.data.prepare.ade20k import ADE20K_150
from ms_ovs.data.prepare.ade20k_full import ADE20K_847
from ms_ovs.data.prepare.ade20k_panoptic import ADE20K_PANOPTIC
from ms_ovs.data.prepare.archive import FILES, Archive, Progress, check_sha1, read_sha1
from ms_ovs.data.prepare.cityscapes import CITYSCAPES_19, CITYSCAPES_PANOPTIC
from ms_ovs.data.prepare.coco_panoptic import COCO_PANOPTIC_133
from ms_ovs.data.prepare.coco_stuff import COCO_STUFF_171
from ms_ovs.data.prepare.few_shot import COCO_20I, FSS_1000, PASCAL_5I
from ms_ovs.data.prepare.pascal_context import (
    PASCAL_CONTEXT_59,
    PASCAL_CONTEXT_60,
    PASCAL_CONTEXT_459,
)
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.data.prepare.sources import find_sources
from ms_ovs.data.prepare.unpack import Parcel, Unpacked, unpack
from ms_ovs.data.prepare.voc import VOC_20, VOC_21
from ms_ovs.errors import UserError, choose

NONE = Unpacked(0, 0)

# the names are those of ms_ovs.data.layouts
DATASETS: dict[str, Recipe] = {
    "ade20k_150": ADE20K_150,
    "ade20k_847": ADE20K_847,
    "ade20k_panoptic": ADE20K_PANOPTIC,
    "coco_stuff_171": COCO_STUFF_171,
    "coco_panoptic_133": COCO_PANOPTIC_133,
    "cityscapes_19": CITYSCAPES_19,
    "cityscapes_panoptic": CITYSCAPES_PANOPTIC,
    "pascal_context_59": PASCAL_CONTEXT_59,
    "pascal_context_60": PASCAL_CONTEXT_60,
    "pascal_context_459": PASCAL_CONTEXT_459,
    "voc_20": VOC_20,
    "voc_21": VOC_21,
    "pascal5i": PASCAL_5I,
    "coco20i": COCO_20I,
    "fss1000": FSS_1000,
}


@dataclass(frozen=True)
class Prepared:
    """A data set that was found whole: its folder, pairs in every split, and what was done for it.

    `files` counts those of the archives; `made` and `left_out` label maps that were made of them, and those
    that would hold nothing but ignored pixels.
    """

    folder: Path
    counts: dict[str, int]
    files: Unpacked
    made: Unpacked
    left_out: int


def prepare(
    name: str,
    sources: Sequence[str | Path],
    root: str | Path,
    *,
    splits: Sequence[str] | None = None,
    sha1: str | None = None,
    check: bool = True,
    workers: int = 0,
    progress: Progress | None = None,
) -> Prepared:
    """Unpack, convert and count the data set `name` below the folder `root`.

    `sources` are its archives, or folders that hold them; only those of `splits` are needed. The SHA-1 of an
    archive must be the known one, or `sha1` if given, and the pairs as many as the authors count; with
    `check` False any will do. A call that was interrupted can be made again and goes on. Raises `UserError`
    for other names, sums and counts, archives and disks that `unpack` refuses, and label maps that cannot be
    made.
    """
    recipe = DATASETS[choose("data set", name, DATASETS)]
    splits = tuple(choose("split", split, recipe.splits) for split in splits or recipe.splits)
    if sha1 is not None and not check:
        raise UserError("--sha1 and --no-check exclude each other: leave one out")
    sha1 = None if sha1 is None else read_sha1(sha1)
    root, told = Path(root), progress or (lambda stage, done, total, unit: None)
    if root.exists() and not root.is_dir():
        raise UserError(f"{str(root)!r} is no folder: name the folder to unpack into")
    needed = recipe.needed(splits)
    found = find_sources(needed, [Path(source) for source in sources], root, name)
    archives = [archive for archive in needed if isinstance(archive, Archive) and archive.name in found]
    if check:
        _check_sums(archives, found, sha1, told)
    parcels = [Parcel(found[a.name], a.folder, root / a.into, a.strip, a.endings) for a in archives]
    pairs = sum(recipe.counts.get(split, 0) for split in splits) if check else 0
    files = unpack(parcels, root, told, more=pairs * recipe.made)
    work = Work(root, splits, found, workers, told)
    recipe.finish(work)
    told("counting", 0, 0, FILES)
    counts = _counted(name, recipe, work, check)
    made = work.converted.values()
    return Prepared(
        root / recipe.folder,
        counts,
        files + work.unpacked,
        Unpacked(sum(part.written for part in made), sum(part.kept for part in made)),
        sum(part.left_out for part in made),
    )


def _check_sums(
    archives: Sequence[Archive], found: dict[str, Path], sha1: str | None, told: Progress
) -> None:
    """Hold each archive whose sum is known, or given, against it."""
    names = {archive.name for archive in archives}
    if sha1 is not None and len(names) > 1:
        raise UserError(f"--sha1 is one sum, and there are {len(names)} archives: give --no-check instead")
    for archive in {archive.name: archive for archive in archives}.values():
        if wanted := sha1 or archive.sha1:
            check_sha1(found[archive.name], archive.name, wanted, told)


def _counted(name: str, recipe: Recipe, work: Work, check: bool) -> dict[str, int]:
    """What there is in every split, held against what the authors count."""
    counts = {}
    for split in work.splits:
        try:
            counts[split] = recipe.count(name, work, split)
        except UserError as error:
            raise UserError(f"{name} is not whole after unpacking: {error}") from None
        left_out = work.converted[split].left_out if split in work.converted else 0
        met, wanted = counts[split] + left_out, recipe.counts.get(split)
        if check and wanted not in (None, met):
            raise UserError(
                f"{str(work.root / recipe.folder)!r} has {met} pairs for {split}, {name} has {wanted}: "
                "remove what else lies there, give the authors' archives, or --no-check for a part of them"
            )
    return counts
