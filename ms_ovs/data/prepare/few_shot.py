"""The few-shot sets of LSeg, below one folder in the layout of HSNet, whose split files they need.

The masks are those that HSNet's authors offer; those of PASCAL-5i can also be made from VOC and SBD. Nobody
states how many images the split files of PASCAL-5i (for training) and of COCO-20i name: what counts there is
that every file they name is there.
"""

from collections.abc import Iterable
from dataclasses import replace

from ms_ovs.data import fewshot
from ms_ovs.data.fewshot import FOLDER, FOLDS, FSS_PARTS, FewShotSettings, coco_classes, open_fewshot
from ms_ovs.data.fewshot_splits import coco_images
from ms_ovs.data.prepare import voc
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job
from ms_ovs.data.prepare.recipe import Recipe, Work
from ms_ovs.errors import UserError

HSNET = "hsnet-main.zip"
COCO_SPLITS = {"train": "training", "val": "test"}

VOC = f"{FOLDER}/VOC2012"
SBD = replace(voc.SBD, into=f"{FOLDER}/VOCaug", splits=())
READY = replace(voc.READY, into=VOC, splits=())


def splits_of(kind: str) -> Archive:
    """The split files of a set, in the archive of HSNet's repository."""
    return Archive(
        HSNET,
        f"*/data/splits/{kind}",
        f"{FOLDER}/splits",
        strip=3,
        note="HSNet's repository, github.com/juhongm999/hsnet, as a zip",
    )


def _finish_pascal(work: Work) -> None:
    """Make the masks that the split files name, where the ready ones were not given."""
    extra = work.root / SBD.place
    if READY.name in work.found or not extra.is_dir():
        return
    top = work.root / VOC
    for split in work.splits:
        episodes = {one.label_map: one for one in _pascal_episodes("pascal5i", work, split)}
        jobs = []
        for target in sorted(episodes):
            own = top / "SegmentationClass" / target.name
            path = own if own.is_file() else extra / f"{target.stem}.mat"
            jobs.append(Job(target, voc.with_background, (path,)))
        work.convert(jobs, "collecting label maps", split)


def count_pascal(name: str, work: Work, split: str) -> int:
    """Pairs of an image and a class in the split files of all folds."""
    return _there(_pascal_episodes(name, work, split))


def count_fss(name: str, work: Work, split: str) -> int:
    """Images."""
    return _there(_episodes(name, work, split))


def count_coco(name: str, work: Work, split: str) -> int:
    """Images that the split files of all folds name. Raises `UserError` where one or its mask is missing."""
    place = work.root / FOLDER
    part = "val" if split == "test" else "trn"
    names = {
        image
        for fold in range(FOLDS)
        for images in coco_images(
            place / f"splits/coco/{part}/fold{fold}.pkl", coco_classes(fold, split)
        ).values()
        for image in images
    }
    return _there(fewshot.Episode(*fewshot.coco_paths(place, image), 0) for image in sorted(names))


def _pascal_episodes(name: str, work: Work, split: str) -> set[fewshot.Episode]:
    return {episode for fold in range(FOLDS) for episode in _episodes(name, work, split, fold)}


def _episodes(name: str, work: Work, split: str, fold: int | None = None) -> Iterable[fewshot.Episode]:
    settings = FewShotSettings(few_shot=name, root=str(work.root), fold=fold)
    return open_fewshot(settings, split).episodes


def _there(episodes: Iterable[fewshot.Episode]) -> int:
    """How many there are. Raises `UserError` where an image or a mask is missing."""
    episodes = list(episodes)
    paths = {path for episode in episodes for path in (episode.image, episode.label_map)}
    if lost := sorted(path for path in paths if not path.is_file()):
        raise UserError(
            f"{str(lost[0])!r} is missing ({len(lost)} of {len(paths)} files that the split files name are)"
        )
    return len(episodes)


PASCAL_5I = Recipe(
    sources=(replace(voc.PHOTOGRAPHS, into=FOLDER, strip=1), SBD, READY, splits_of("pascal")),
    counts={"test": 346 + 451 + 725 + 346},
    folder=FOLDER,
    finish=_finish_pascal,
    count=count_pascal,
    made=8_000,  # rough: a grey PNG of 500×375
    splits=fewshot.SPLITS,
)
COCO_20I = Recipe(
    sources=(
        *(
            Archive(f"{short}2014.zip", f"{short}2014", f"{FOLDER}/COCO2014", splits=(split,))
            for short, split in COCO_SPLITS.items()
        ),
        *(
            Archive(
                f"{short}2014_masks.zip",
                f"{short}2014",
                f"{FOLDER}/COCO2014/annotations",
                splits=(split,),
                note=f"{short}2014.zip of HSNet's drive; rename it, COCO's images are called so too",
            )
            for short, split in COCO_SPLITS.items()
        ),
        splits_of("coco"),
    ),
    counts={},
    folder=FOLDER,
    count=count_coco,
    splits=fewshot.SPLITS,
)
FSS_1000 = Recipe(
    sources=(
        Archive("FSS-1000.zip", "FSS-1000", FOLDER, note="of HSNet's drive"),
        splits_of("fss"),
    ),
    counts={split: 10 * len(classes) for split, (_, classes) in FSS_PARTS.items()},
    folder=FOLDER,
    count=count_fss,
    splits=tuple(FSS_PARTS),
)
