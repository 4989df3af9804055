"""What a check of a data set counts: files, sizes, classes, and every fault, as tables and as JSON."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text


@dataclass(frozen=True)
class Fault:
    """Something wrong with a file: its kind, one of `KINDS`, and what there is to say."""

    kind: str
    message: str


IMAGE, LABELS = "image unreadable", "label map unreadable"
IDS, SIZES, PARTNER = "ids against the rule", "sizes differ", "no partner"
KINDS = (PARTNER, IMAGE, LABELS, SIZES, IDS)


@dataclass
class Counts:
    """Numbers of some pairs; those of parts add up to those of the whole.

    `pixels` and `images`, int64 (C,), say how many pixels a class has and how many images it is in;
    `ignored` and `total` count pixels. All four are of the `good` pairs, those without a fault. `sides` holds
    (height, width) of every image that could be read, in pixels.
    """

    pixels: np.ndarray
    images: np.ndarray
    ignored: int = 0
    total: int = 0
    good: int = 0
    sides: list[tuple[int, int]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    @classmethod
    def none(cls, classes: int) -> "Counts":
        """Nothing yet of any of the classes."""
        return cls(np.zeros(classes, np.int64), np.zeros(classes, np.int64))

    def add(self, other: "Counts") -> None:
        """Take in the numbers of other pairs."""
        for name in ("pixels", "images", "ignored", "total", "good", "sides", "faults"):
            setattr(self, name, getattr(self, name) + getattr(other, name))


@dataclass(frozen=True)
class Census:
    """The counts of the data set `name`, which has `pairs` and the classes `names`.

    `class_ids` are the classes that it is about: all, or those of a fold.
    """

    name: str
    names: Sequence[str]
    class_ids: Sequence[int]
    pairs: int
    counts: Counts

    @property
    def sides(self) -> dict[str, dict[str, float]]:
        """Least, median and greatest side of the images, in pixels; empty where none could be read."""
        if not self.counts.sides:
            return {}
        sides = np.sort(np.array(self.counts.sides), axis=1)
        summary = {"min": np.min, "median": np.median, "max": np.max}
        return {
            what: {name: float(function(values)) for name, function in summary.items()}
            for what, values in (("short side", sides[:, 0]), ("long side", sides[:, 1]))
        }

    @property
    def faults_by_kind(self) -> dict[str, int]:
        """How many faults there are of each kind that was met."""
        met = Counter(fault.kind for fault in self.counts.faults)
        return {kind: met[kind] for kind in KINDS if met[kind]}

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON. Counts are of pixels and images, sides in pixels, shares fractions."""
        counts = self.counts
        rows = [
            {
                "label": number,
                "name": self.names[number],
                "pixels": int(counts.pixels[number]),
                "images": int(counts.images[number]),
            }
            for number in self.class_ids
        ]
        return {
            "data": self.name,
            "pairs": self.pairs,
            "pairs_without_fault": counts.good,
            "sides": self.sides,
            "pixels": counts.total,
            "ignored_pixels": counts.ignored,
            "ignored_share": _share(counts.ignored, counts.total),
            "other_pixels": counts.total - counts.ignored - int(counts.pixels.sum()),
            "classes": rows,
            "fault_counts": self.faults_by_kind,
            "faults": [asdict(fault) for fault in counts.faults],
        }

    def print(self, console: Console) -> None:
        """Show files, sides and classes; the faults only by their number."""
        console.print(Text(self.name), soft_wrap=True)
        for table in (self.file_table(), self.side_table(), self.class_table()):
            console.print(table)
        absent = sum(not self.counts.images[n] for n in self.class_ids)
        console.print(
            f"pixels of pairs without fault; {absent} of {len(self.class_ids)} classes are in no image",
            soft_wrap=True,
        )

    def file_table(self) -> Table:
        """How many pairs there are, and faults of every kind."""
        table = Table()
        table.add_column("files")
        table.add_column("count", justify="right")
        table.add_row("pairs of image and label map", str(self.pairs))
        table.add_row("pairs without fault", str(self.counts.good))
        for kind, count in self.faults_by_kind.items():
            table.add_row(Text(kind, style="red"), str(count))
        return table

    def side_table(self) -> Table:
        """Sides of the images in pixels."""
        table = Table("images")
        for header in ("min", "median", "max"):
            table.add_column(Text(f"{header} [px]"), justify="right")
        for what, values in self.sides.items():
            table.add_row(what, *(f"{value:g}" for value in values.values()))
        return table

    def class_table(self) -> Table:
        """Images and pixels of every class, and what has none."""
        table, counts = Table(), self.counts
        for header in ("class", "name", "images", "pixels", "pixels %"):
            table.add_column(header, justify="left" if header == "name" else "right")
        rows = [(str(n), self.names[n], str(counts.images[n]), int(counts.pixels[n])) for n in self.class_ids]
        rest = counts.total - counts.ignored - int(counts.pixels.sum())
        if rest:
            rows.append(("", "(other than the class asked for)", "", rest))
        rows.append(("", "(ignored)", "", counts.ignored))
        for number, name, images, pixels in rows:
            table.add_row(number, Text(name), images, str(pixels), f"{_share(pixels, counts.total):.2%}"[:-1])
        return table


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
