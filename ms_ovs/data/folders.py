"""A data set that is two folders: images, and label maps of the same names."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
from pydantic import Field

from ms_ovs.config import Settings
from ms_ovs.data import shapes
from ms_ovs.data.ids import IdRule
from ms_ovs.data.reading import check_sizes, read_image, read_labels
from ms_ovs.errors import UserError, choose
from ms_ovs.vocab import labels as vocabularies

CHECKED = 8  # label maps that are read on opening


class FolderSettings(Settings):
    """Where the files are, and what the values in the label maps mean.

    An image and a label map are a pair when their paths below the two folders differ in the suffixes alone; a
    suffix is whatever ends the name ("_gtFine_labelTrainIds.png"). `labels` is what
    `ms_ovs.vocab.labels.parse` takes. Values in `ignore` are ignored; others are classes by `table`, or
    without one by subtracting `offset`.
    """

    image_dir: str
    label_dir: str
    image_suffix: str = ".jpg"
    label_suffix: str = ".png"
    labels: str
    offset: int = 0
    table: dict[int, int] | None = None
    ignore: list[int] = Field(default_factory=list)


class FolderDataset:
    """Pairs of (image uint8 (H,W,3), target int32 (H,W) with -1 = ignored), in the order of their names.

    `vocabulary` names the classes; `images` and `labels` are the paths.
    """

    def __init__(self, settings: FolderSettings):
        """Raises `UserError` for files without partner, no files, and ids that break the rule in a sample."""
        self.vocabulary = vocabularies.parse(settings.labels)
        self.rule = IdRule(
            len(self.vocabulary), offset=settings.offset, table=settings.table, ignore=settings.ignore
        )
        self.images, self.labels = _pairs(settings)
        for index in np.linspace(0, len(self) - 1, min(CHECKED, len(self))).astype(int):
            self.target(index)

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Read a pair. Raises `UserError`, naming a file that is gone, damaged or against the rule."""
        image, target = read_image(self.images[index]), self.target(index)
        check_sizes(image, target, self.labels[index])
        return image, target

    def target(self, index: int) -> np.ndarray:
        """The label map alone, int32 (H,W) with -1 = ignored."""
        path = self.labels[index]
        return self.rule(read_labels(path), f"label map {str(path)!r}")

    def name(self, index: int) -> str:
        """What tables and pictures call the image."""
        return self.images[index].stem


def _pairs(settings: FolderSettings) -> tuple[list[Path], list[Path]]:
    images = _files(settings.image_dir, settings.image_suffix, "image")
    maps = _files(settings.label_dir, settings.label_suffix, "label map")
    for these, those, what, partner in (
        (images, maps, "image", f"label map in {settings.label_dir}"),
        (maps, images, "label map", f"image in {settings.image_dir}"),
    ):
        if odd := sorted(these.keys() - those.keys()):
            raise UserError(
                f"{what} {str(these[odd[0]])!r} has no {partner} ({len(odd)} of {len(these)} have none): "
                "complete the folders or check the suffixes"
            )
    return [images[key] for key in sorted(images)], [maps[key] for key in sorted(images)]


def _files(folder: str, suffix: str, what: str) -> dict[str, Path]:
    """{path below the folder without the suffix: path} of what ends in `suffix`, except hidden files."""
    root = Path(folder)
    if not root.is_dir():
        raise UserError(f"{what} folder {folder!r} does not exist: check the path in the config")
    found = {
        str(path.relative_to(root)).removesuffix(suffix): path
        for path in root.rglob(f"*{suffix}")
        if not path.name.startswith(".")
    }
    if not found:
        raise UserError(f"{what} folder {folder!r} holds no files that end in {suffix!r}: check the suffix")
    return found


def ade20k_150(root: str | Path, split: str) -> FolderSettings:
    """ADE20K's 150 classes as they are unpacked (`ADEChallengeData2016`); the words are those of LSeg."""
    return _ade_layout(root, split, labels="lseg/ade20k_150")


def shapes_benchmark(root: str | Path, split: str) -> FolderSettings:
    """The embedded benchmark that `ms_ovs.data.shapes` writes.

    In the training part the pairs that are not labelled there are no classes either: the words that a network
    learns to tell apart are those it sees.
    """
    known = shapes.describe(root)
    settings = _ade_layout(root, split, labels=str(known.root / "labels.txt"))
    if split != "training":
        return settings
    labelled = sorted((*known.seen, *known.background))
    return settings.model_copy(
        update={
            "labels": ", ".join(known.names[number] for number in labelled),
            "table": {number + 1: place for place, number in enumerate(labelled)},
        }
    )


def _ade_layout(root: str | Path, split: str, labels: str) -> FolderSettings:
    folders = {part: str(Path(root) / part / split) for part in ("images", "annotations")}
    return FolderSettings(
        image_dir=folders["images"], label_dir=folders["annotations"], labels=labels, offset=1, ignore=[0]
    )


PRESETS: dict[str, Callable[[str | Path, str], FolderSettings]] = {
    "ade20k_150": ade20k_150,
    "shapes": shapes_benchmark,
}
SPLITS = ("training", "validation")


def preset(name: str, root: str | Path, split: str) -> FolderSettings:
    """The settings of a known data set that lies in `root`; `split` is "training" or "validation"."""
    return PRESETS[choose("data set", name, PRESETS)](root, choose("split", split, SPLITS))
