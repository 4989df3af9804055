"""How a data set is made of its archives."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import SPLITS, preset
from ms_ovs.data.panoptic import PanopticDataset
from ms_ovs.data.prepare.archive import Archive, PlainFile, Progress
from ms_ovs.data.prepare.convert import Converted, Job, convert
from ms_ovs.data.prepare.unpack import Parcel, Unpacked, unpack


@dataclass
class Work:
    """What the steps of a recipe are given, and where they count the files they make.

    `root` is the folder of all data sets, `splits` those that are wanted, `found` the files that the user
    gave, by their official names.
    """

    root: Path
    splits: Sequence[str]
    found: Mapping[str, Path]
    workers: int
    progress: Progress
    unpacked: Unpacked = field(default_factory=lambda: Unpacked(0, 0))
    converted: dict[str, Converted] = field(default_factory=dict)

    def convert(self, jobs: Sequence[Job], stage: str, split: str) -> None:
        """Make files of files for a split; see `convert`. Counted are those of the last call."""
        self.converted[split] = convert(jobs, f"{stage} ({split})", self.workers, self.progress)

    def unpack(self, source: Path, folder: str, target: Path) -> None:
        """Unpack an archive that was in an archive."""
        self.unpacked += unpack([Parcel(source, folder, target)], self.root, self.progress)


def nothing(work: Work) -> None:
    """For data sets that are read as they are unpacked."""


def count_panoptic(name: str, work: Work, split: str) -> int:
    """Panoptic maps of a split. Opening them also holds the JSON file against the files and the classes."""
    return len(PanopticDataset(preset(name, work.root, split)))


def count_pairs(name: str, work: Work, split: str) -> int:
    """Pairs of a split. Opening them also sees that they pair up and holds a sample against the ids."""
    return len(FolderDataset(preset(name, work.root, split)))


@dataclass(frozen=True)
class Recipe:
    """A data set: the archives it comes in, what is made of them, and how many pairs there are in each split.

    Splits whose number nobody states are left out of `counts`. `finish` runs after the unpacking; what it
    makes takes about `made` bytes for a pair. `count` then counts what a reader finds. `folder` is what
    messages call the place of the data set, below the root.
    """

    sources: tuple[Archive | PlainFile, ...]
    counts: Mapping[str, int]
    folder: str
    finish: Callable[[Work], None] = nothing
    count: Callable[[str, Work, str], int] = count_pairs
    made: int = 0
    splits: tuple[str, ...] = field(default=SPLITS)

    def needed(self, splits: Sequence[str]) -> list[Archive | PlainFile]:
        """What must be given for some of the splits."""
        return [source for source in self.sources if not source.splits or set(source.splits) & set(splits)]
