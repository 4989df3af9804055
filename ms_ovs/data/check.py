"""Reading every file of a data set once, before hours are spent on it.

What is wrong is gathered, not raised. Several processes share the reading; results do not depend on them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from ms_ovs.data.census import IDS, IMAGE, LABELS, PARTNER, SIZES, Census, Counts, Fault
from ms_ovs.data.coco_panoptic import PanopticFiles, check_category, checked, read_ids
from ms_ovs.data.fewshot import FewShotDataset
from ms_ovs.data.folders import FolderSettings, find_pairs, rule_of
from ms_ovs.data.ids import IdRule
from ms_ovs.data.panoptic import PanopticSettings, find_images, table_of
from ms_ovs.data.pool import check_workers, in_order
from ms_ovs.data.reading import check_sizes, read_image, read_labels
from ms_ovs.data.segments import Segment
from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels as vocabularies

CHUNK = 16  # pairs that a worker reads at a time

Progress = Callable[[int, int], None]  # pairs read, pairs in all


class Source(Protocol):
    """Pairs of files, and how their pixels become classes. Goes to other processes, so it is picklable."""

    names: Sequence[str]
    class_ids: Sequence[int]
    faults: Sequence[Fault]  # known before a file is read

    def __len__(self) -> int:
        """The number of pairs."""

    def paths(self, index: int) -> tuple[Path, Path]:
        """Image and label map."""

    def stored(self, index: int) -> np.ndarray:
        """The label map as it is stored, (H,W). Raises `UserError` where it cannot be read."""

    def target(self, index: int, stored: np.ndarray) -> np.ndarray:
        """int32 (H,W), -1 = ignored. Raises `UserError` for values against the rule."""

    def tally(self, index: int, target: np.ndarray) -> np.ndarray:
        """Pixels of every class in the target, int64 (C,)."""


class Paired:
    """What sets have in common that know all `names` of their classes and the `pairs` of their files."""

    names: Sequence[str]
    pairs: Sequence[tuple[Path, Path]]

    @property
    def class_ids(self) -> Sequence[int]:
        """All classes."""
        return range(len(self.names))

    def __len__(self) -> int:
        return len(self.pairs)

    def paths(self, index: int) -> tuple[Path, Path]:
        """Image and label map, or panoptic map."""
        return self.pairs[index]


@dataclass(frozen=True)
class Folders(Paired):
    """The pairs of two folders; unlike `FolderDataset` it opens where some files have no partner."""

    names: Sequence[str]
    rule: IdRule
    pairs: Sequence[tuple[Path, Path]]
    faults: Sequence[Fault]

    @classmethod
    def of(cls, settings: FolderSettings) -> "Folders":
        """Raises `UserError` for folders that are missing or hold no files, and for a bad rule."""
        vocabulary = vocabularies.parse(settings.labels)
        found = find_pairs(settings)
        odd = [Fault(PARTNER, text) for text in found.odd]
        return cls(vocabulary.names, rule_of(settings, vocabulary), found.pairs, odd)

    def stored(self, index: int) -> np.ndarray:
        """uint8 or uint16 (H,W)."""
        return read_labels(self.pairs[index][1])

    def target(self, index: int, stored: np.ndarray) -> np.ndarray:
        """By the rule of the ids."""
        return self.rule(stored, f"label map {str(self.pairs[index][1])!r}")

    def tally(self, index: int, target: np.ndarray) -> np.ndarray:
        """Pixels of every class."""
        return np.bincount(target[target >= 0], minlength=len(self.names))


@dataclass(frozen=True)
class Panoptics(Paired):
    """The images of a panoptic set; unlike `PanopticDataset` it opens where some files have no partner.

    A pixel is of the class of its segment, and ignored where there is none; crowds count too. `segments` has
    the rows (id, category, crowd) of the JSON file, those of pair n from `starts[n]` to `starts[n + 1]`: as
    arrays they are far less to send to other processes.
    """

    names: Sequence[str]
    table: Mapping[int, int]
    listed: Path
    pairs: Sequence[tuple[Path, Path]]
    segments: np.ndarray
    starts: np.ndarray
    faults: Sequence[Fault]

    @classmethod
    def of(cls, settings: PanopticSettings) -> "Panoptics":
        """Raises `UserError` for a JSON file or a table that will not do, and for missing folders."""
        names = vocabularies.parse(settings.labels).names
        files = PanopticFiles.load(settings.panoptic_json, settings.panoptic_dir)
        table = table_of(settings, files, len(names))
        images, odd = find_images(settings, files)
        lost = set(files.lost())
        odd += [f"panoptic map {str(files.folder / name)!r} is missing" for name in sorted(lost)]
        found = [
            (image, files.annotations[image_id])
            for image_id, image in images.items()
            if files.annotations[image_id].file_name not in lost
        ]
        rows = [
            (one.id, one.category_id, one.iscrowd)
            for _, annotation in found
            for one in annotation.segments_info
        ]
        lengths = [len(annotation.segments_info) for _, annotation in found]
        return cls(
            names,
            table,
            files.path,
            [(image, files.folder / annotation.file_name) for image, annotation in found],
            np.array(rows, np.int64).reshape(-1, 3),
            np.cumsum([0, *lengths]),
            [Fault(PARTNER, text) for text in odd],
        )

    def stored(self, index: int) -> np.ndarray:
        """The ids of the segments, int32 (H,W)."""
        return read_ids(self.pairs[index][1])

    def target(self, index: int, stored: np.ndarray) -> np.ndarray:
        """By the categories of the segments, which must be those of the map."""
        path = self.pairs[index][1]
        rows = self.segments[self.starts[index] : self.starts[index + 1]].tolist()
        for number, category, _ in rows:
            check_category(number, category, self.table, path.name, self.listed)
        segments = [Segment(number, self.table[category], bool(crowd)) for number, category, crowd in rows]
        places = checked(stored, segments, path, self.listed).places
        return np.array([IGNORE, *(segment.label for segment in segments)], np.int32)[places]

    def tally(self, index: int, target: np.ndarray) -> np.ndarray:
        """Pixels of every class."""
        return np.bincount(target[target >= 0], minlength=len(self.names))


@dataclass(frozen=True)
class Episodes:
    """The episodes of a few-shot set; a photograph that is in several is read for each."""

    data: FewShotDataset
    faults: Sequence[Fault] = ()

    @property
    def names(self) -> Sequence[str]:
        """Of every class of the set."""
        return self.data.vocabulary.names

    @property
    def class_ids(self) -> Sequence[int]:
        """Those of the fold."""
        return self.data.class_ids

    def __len__(self) -> int:
        return len(self.data)

    def paths(self, index: int) -> tuple[Path, Path]:
        """Image and label map."""
        return self.data.episodes[index].image, self.data.episodes[index].label_map

    def stored(self, index: int) -> np.ndarray:
        """The target at once: any value is allowed."""
        episode = self.data.episodes[index]
        return self.data.read_target(episode.label_map, episode.class_id)

    def target(self, index: int, stored: np.ndarray) -> np.ndarray:
        """As it is."""
        return stored

    def tally(self, index: int, target: np.ndarray) -> np.ndarray:
        """Pixels of the class that the episode asks for."""
        pixels = np.zeros(len(self.names), np.int64)
        pixels[self.data.episodes[index].class_id] = np.count_nonzero(target == 1)
        return pixels


def check(name: str, source: Source, *, workers: int = 0, progress: Progress | None = None) -> Census:
    """Read every pair of `source`, in so many `workers` or, with 0, in this process.

    Pixels are counted where a pair is without fault. Raises `UserError` when a worker dies, and for fewer
    workers than none.
    """
    check_workers(workers)
    counts = Counts.none(len(source.names))
    counts.faults += source.faults
    chunks = [range(start, min(start + CHUNK, len(source))) for start in range(0, len(source), CHUNK)]
    done = 0
    for chunk, part in zip(chunks, in_order(_look_at, source, chunks, workers), strict=True):
        counts.add(part)
        done += len(chunk)
        if progress:
            progress(done, len(source))
    counts.faults = list(dict.fromkeys(counts.faults))  # a file may be in several episodes
    return Census(name, source.names, source.class_ids, len(source), counts)


def _look_at(source: Source, chunk: range) -> Counts:
    counts = Counts.none(len(source.names))
    for index in chunk:
        _look(source, index, counts)
    return counts


def _look(source: Source, index: int, counts: Counts) -> None:
    """Read a pair and enter it."""
    image_path, map_path = source.paths(index)
    image, image_fault = _try(IMAGE, lambda: read_image(image_path))
    stored, map_fault = _try(LABELS, lambda: source.stored(index))
    faults = [image_fault, map_fault]
    if image is not None:
        counts.sides.append(image.shape[:2])
    target = None
    if stored is not None:
        target, fault = _try(IDS, lambda: source.target(index, stored))
        faults.append(fault)
    if image is not None and stored is not None:
        faults.append(_try(SIZES, lambda: check_sizes(image, stored, map_path))[1])
    if met := [fault for fault in faults if fault]:
        counts.faults += met
        return
    pixels = source.tally(index, target)
    counts.pixels += pixels
    counts.images += pixels > 0
    counts.ignored += int(np.count_nonzero(target < 0))
    counts.total += target.size
    counts.good += 1


def _try(kind: str, read: Callable[[], np.ndarray | None]) -> tuple[np.ndarray | None, Fault | None]:
    try:
        return read(), None
    except UserError as error:
        return None, Fault(kind, str(error))
