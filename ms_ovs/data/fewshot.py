"""The few-shot sets of LSeg: one class at a time, asked for by its word, against everything else.

Layouts and split files are those of HSNet, which LSeg uses. Below `root`, or a folder Datasets_HSN in it, lie
`VOC2012` (`JPEGImages`, `SegmentationClassAug`), `COCO2014` (`train2014`, `val2014`, `annotations`) and
`FSS-1000` (a folder a class); below `splits` lie `pascal/{trn,val}/foldF.txt`, `coco/{trn,val}/foldF.pkl` and
`fss/{trn,val,test}.txt`. Read from `fewshot_data/data` of isl-org/lang-seg;
`tests/reference/lseg/transforms` checks folds and masks. Nothing but queries is read: LSeg needs no support
images.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ms_ovs.config import Settings
from ms_ovs.data.fewshot_splits import coco_images, pascal_pairs
from ms_ovs.data.reading import check_sizes, read_grey, read_image, read_labels
from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError, choose
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab.files import read_lines

FOLDER = "Datasets_HSN"
FOLDS = 4
EPISODES = 1000  # in a test of PASCAL-5i or COCO-20i
PASCAL_CLASSES, COCO_CLASSES = 20, 80
PASCAL_BORDER = 255
FSS_PARTS = {
    "training": ("trn", range(520)),
    "validation": ("val", range(520, 760)),
    "test": ("test", range(760, 1000)),
}
FSS_INSIDE = 128  # grey level from which on a pixel belongs to the class
SPLITS = ("training", "test")


class FewShotSettings(Settings):
    """Which set, where its folders (`root`) and split files (`splits`) lie, and which fold is tested.

    `few_shot` is "pascal5i", "coco20i" or "fss1000"; `fold` is 0 to 3, and none for FSS-1000, which has none.
    Without `splits` the split files are those in the folder "splits" beside the set's, as `ms-ovs data
    prepare` puts them.
    """

    few_shot: str
    root: str
    splits: str | None = None
    fold: int | None = None


@dataclass(frozen=True)
class Episode:
    """A photograph and the class that is looked for in it."""

    image: Path
    label_map: Path
    class_id: int


class FewShotDataset:
    """Triples of (image uint8 (H,W,3), target int32 (H,W), class id): 1 = the class, 0 = other, -1 = ignored.

    `vocabulary` names every class; `class_ids` are those of the fold, of which a mean is taken.
    """

    def __init__(
        self,
        episodes: Sequence[Episode],
        class_ids: Sequence[int],
        vocabulary: vocabularies.Vocabulary,
        read_target: Callable[[Path, int], np.ndarray],
    ):
        """`read_target` makes the target from the path of a label map and a class id."""
        self.episodes, self.class_ids, self.vocabulary = tuple(episodes), tuple(class_ids), vocabulary
        self.read_target = read_target

    def __len__(self) -> int:
        """The number of episodes."""
        return len(self.episodes)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray, int]:
        """Read an episode. Raises `UserError` with the name of a file that is gone or damaged."""
        episode = self.episodes[index]
        image, target = read_image(episode.image), self.read_target(episode.label_map, episode.class_id)
        check_sizes(image, target, episode.label_map)
        return image, target, episode.class_id

    def name(self, index: int) -> str:
        """What tables and pictures call the episode."""
        episode = self.episodes[index]
        return f"{episode.image.stem} {self.vocabulary.names[episode.class_id]}"


def pascal_classes(fold: int, split: str) -> tuple[int, ...]:
    """Class ids of a fold of PASCAL-5i: five in a row are tested, the others trained on."""
    first = _fold(fold) * PASCAL_CLASSES // FOLDS
    return _side(range(first, first + PASCAL_CLASSES // FOLDS), PASCAL_CLASSES, split)


def coco_classes(fold: int, split: str) -> tuple[int, ...]:
    """Class ids of a fold of COCO-20i: every fourth is tested, the others trained on."""
    return _side(range(_fold(fold), COCO_CLASSES, FOLDS), COCO_CLASSES, split)


def pascal5i(root: str | Path, splits: str | Path, fold: int, split: str = "test") -> FewShotDataset:
    """PASCAL-5i. The test has 1000 episodes, which go round the list of the fold.

    Borders (255) are ignored in the test and background in training, as in the original.
    """
    classes = pascal_classes(fold, split)
    names = (
        [("val", fold)] if split == "test" else [("trn", other) for other in range(FOLDS) if other != fold]
    )
    pairs = [
        pair
        for part, number in names
        for pair in pascal_pairs(Path(splits) / f"pascal/{part}/fold{number}.txt", classes)
    ]
    voc = Path(root) / "VOC2012"
    episodes = [
        Episode(voc / "JPEGImages" / f"{name}.jpg", voc / "SegmentationClassAug" / f"{name}.png", class_id)
        for name, class_id in pairs
    ]
    if split == "test":
        episodes = [episodes[index % len(episodes)] for index in range(EPISODES)]
    read_target = _pascal_test if split == "test" else _one_class
    return FewShotDataset(episodes, classes, vocabularies.parse("pascal5i"), read_target)


def coco20i(
    root: str | Path, splits: str | Path, fold: int, split: str = "test", *, seed: int = 0
) -> FewShotDataset:
    """COCO-20i: episodes are drawn, first the class, then an image of it, all equally likely.

    1000 in the test, in training as many as there are images. The draws are those of NumPy's legacy generator
    seeded by `seed`; the published test has 0.
    """
    classes = coco_classes(fold, split)
    path = Path(splits) / f"coco/{'val' if split == 'test' else 'trn'}/fold{fold}.pkl"
    images = coco_images(path, classes)
    count = EPISODES if split == "test" else len({name for names in images.values() for name in names})
    draws = np.random.RandomState(seed)
    episodes = []
    for _ in range(count):
        class_id = int(draws.choice(classes, 1, replace=False)[0])
        name = images[class_id][int(draws.choice(len(images[class_id]), 1, replace=False)[0])]
        episodes.append(Episode(*coco_paths(root, name), class_id))
    return FewShotDataset(episodes, classes, vocabularies.parse("coco20i"), _one_class)


def coco_paths(root: str | Path, name: str) -> tuple[Path, Path]:
    """Image and label map of COCO-20i that a split file calls `name`."""
    coco = Path(root) / "COCO2014"
    return coco / name, (coco / "annotations" / name).with_suffix(".png")


def fss1000(root: str | Path, splits: str | Path, split: str = "test") -> FewShotDataset:
    """FSS-1000: every photograph of every class of "training", "validation" or "test"."""
    part, class_ids = FSS_PARTS[choose("split", split, FSS_PARTS)]
    vocabulary = vocabularies.parse("fss1000")
    path = Path(splits) / f"fss/{part}.txt"
    names = sorted(name for name in read_lines(path, "split file") if name)
    if names != [vocabulary.names[class_id] for class_id in class_ids]:
        raise UserError(
            f"split file {str(path)!r} names other classes than the list fss1000: copy it again from HSNet"
        )
    episodes = []
    for class_id, name in zip(class_ids, names, strict=True):
        folder = Path(root) / "FSS-1000" / name
        images = sorted(folder.glob("*.jpg"))
        if not images:
            raise UserError(f"folder {str(folder)!r} holds no .jpg files: complete the data set")
        episodes += [Episode(image, image.with_suffix(".png"), class_id) for image in images]
    return FewShotDataset(episodes, class_ids, vocabulary, _fss)


FEW_SHOT: dict[str, Callable[..., FewShotDataset]] = {
    "pascal5i": pascal5i,
    "coco20i": coco20i,
    "fss1000": fss1000,
}


def open_fewshot(settings: FewShotSettings, split: str = "test") -> FewShotDataset:
    """The set that `settings` name, for "training" or "test" ("validation", for FSS-1000 alone).

    Raises `UserError` for an unknown set, a fold that is missing or does not exist, and what the set's own
    function raises.
    """
    name = choose("few-shot set", settings.few_shot, FEW_SHOT)
    has_folds = name != "fss1000"
    if has_folds != (settings.fold is not None):
        rule = (
            f"{name} needs a fold: give 0 to {FOLDS - 1}" if has_folds else f"{name} has no folds: give none"
        )
        raise UserError(f"fold {settings.fold}: {rule}")
    folds = (settings.fold,) if has_folds else ()
    place = find_place(settings.root)
    return FEW_SHOT[name](place, settings.splits or place / "splits", *folds, split=split)


def find_place(root: str | Path) -> Path:
    """The folder of the sets: HSNet's Datasets_HSN below `root` if it is there, else `root`."""
    place = Path(root) / FOLDER
    return place if place.is_dir() else Path(root)


def one_class(stored: np.ndarray, class_id: int, ignored: int | None = None) -> np.ndarray:
    """int32 (H,W): 1 where a stored value is that of the class, `class_id` + 1; -1 where it is `ignored`."""
    target = (stored == class_id + 1).astype(np.int32)
    if ignored is not None:
        target[stored == ignored] = IGNORE
    return target


def _one_class(path: Path, class_id: int) -> np.ndarray:
    return one_class(read_labels(path), class_id)


def _pascal_test(path: Path, class_id: int) -> np.ndarray:
    return one_class(read_labels(path), class_id, PASCAL_BORDER)


def _fss(path: Path, class_id: int) -> np.ndarray:
    return (read_grey(path) >= FSS_INSIDE).astype(np.int32)


def _fold(fold: int) -> int:
    if fold not in range(FOLDS):
        raise UserError(f"fold {fold} does not exist: give 0 to {FOLDS - 1}")
    return fold


def _side(tested: range, count: int, split: str) -> tuple[int, ...]:
    if choose("split", split, SPLITS) == "test":
        return tuple(tested)
    return tuple(n for n in range(count) if n not in tested)
