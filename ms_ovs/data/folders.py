"""A data set that is two folders: images, and label maps of the same names."""

from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
from pydantic import Field

from ms_ovs.config import Settings
from ms_ovs.data.ids import IdRule
from ms_ovs.data.reading import check_sizes, read_image, read_labels
from ms_ovs.errors import UserError, choose
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab.files import read_lines

CHECKED = 8  # label maps that are read on opening


class FolderSettings(Settings):
    """Where the files are, and what the values in the label maps mean.

    An image and a label map are a pair when their paths below the two folders differ in the suffixes alone; a
    suffix is whatever ends the name ("_gtFine_labelTrainIds.png"). `labels` is what
    `ms_ovs.vocab.labels.parse` takes. Values in `ignore` are ignored; others are classes by `table`, or
    without one by subtracting `offset`.

    Files that have no partner are an error. With `names`, a text file of one pair a line, only those pairs
    are read; with `extra_images` images without a label map are left out. Classes that `hidden` lists are
    ignored: labels that zero-shot training must not see.
    """

    image_dir: str
    label_dir: str
    image_suffix: str = ".jpg"
    label_suffix: str = ".png"
    labels: str
    offset: int = 0
    table: dict[int, int] | None = None
    ignore: list[int] = Field(default_factory=list)
    names: str | None = None
    extra_images: bool = False
    hidden: str | None = None


class FolderDataset:
    """Pairs of (image uint8 (H,W,3), target int32 (H,W) with -1 = ignored), in the order of their names.

    `vocabulary` names the classes; `images` and `labels` are the paths.
    """

    def __init__(self, settings: FolderSettings):
        """Raises `UserError` for files without partner, no files, and ids that break the rule in a sample."""
        self.vocabulary = vocabularies.parse(settings.labels)
        self.rule = rule_of(settings, self.vocabulary)
        found = find_pairs(settings)
        if found.odd:
            raise UserError(
                f"{found.odd[0]} ({len(found.odd)} of {len(found.odd) + len(found.pairs)} have no partner): "
                "complete the folders or check the suffixes"
            )
        self.images, self.labels = ([pair[which] for pair in found.pairs] for which in (0, 1))
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


def rule_of(settings: FolderSettings, vocabulary: vocabularies.Vocabulary) -> IdRule:
    """What the values in the label maps mean. Raises `UserError` for a bad table or label."""
    rule = IdRule(len(vocabulary), offset=settings.offset, table=settings.table, ignore=settings.ignore)
    if settings.hidden is None:
        return rule
    names = vocabularies.parse(settings.hidden).names
    return rule.without(vocabulary.names.index(choose("label", name, vocabulary.names)) for name in names)


class Found(NamedTuple):
    """Pairs of image and label map in the order of their names, and what has no partner."""

    pairs: list[tuple[Path, Path]]
    odd: list[str]


def find_pairs(settings: FolderSettings) -> Found:
    """What the two folders hold, as the settings want it.

    Raises `UserError` for folders that are missing or hold no files, and for a list of names that cannot be
    read.
    """
    images = find_files(settings.image_dir, settings.image_suffix, "image")
    maps = find_files(settings.label_dir, settings.label_suffix, "label map")
    if settings.names is not None:
        wanted = _listed(settings.names)
        odd = [
            f"{name!r} of {settings.names!r} has no {what} in {folder}"
            for what, files, folder in (
                ("image", images, settings.image_dir),
                ("label map", maps, settings.label_dir),
            )
            for name in wanted
            if name not in files
        ]
    else:
        wanted = sorted(images.keys() | maps.keys())
        odd = [
            f"label map {str(maps[name])!r} has no image in {settings.image_dir}"
            for name in sorted(maps.keys() - images.keys())
        ]
        if not settings.extra_images:
            odd += [
                f"image {str(images[name])!r} has no label map in {settings.label_dir}"
                for name in sorted(images.keys() - maps.keys())
            ]
    return Found([(images[name], maps[name]) for name in wanted if name in images and name in maps], odd)


def _listed(path: str) -> list[str]:
    """The names in a list of pairs, in its order. Raises `UserError` for an empty list or a name twice."""
    names = read_lines(Path(path), "list of names")
    if not names:
        raise UserError(f"list of names {path!r} is empty: write one a line")
    name, times = Counter(names).most_common(1)[0]
    if times > 1:
        raise UserError(f"list of names {path!r} has {name!r} {times} times: name each once")
    return names


def find_files(folder: str, suffix: str, what: str) -> dict[str, Path]:
    """{path below the folder without the suffix: path} of what ends in `suffix`, except hidden files.

    `what` is what errors call the files. Raises `UserError` for a folder that is missing or holds none.
    """
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
