"""One line of a table: what was measured, beside what, and whether the goal is met."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal

SECONDS, BYTES, RATE = "s", "B", "images/s"


@dataclass(frozen=True)
class Goal:
    """A limit on our own value or on the ratio of ours to the other's: the most, or the `least`, allowed."""

    on: Literal["ours", "ratio"]
    limit: float
    least: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """Samples of ours and of what it is compared with, in seconds, bytes or images/s; the medians count.

    `floor` is what no program could go below on this machine, in the same unit, where that can be told;
    `others` the part of the machine, 0..1, that other processes took meanwhile.
    """

    what: str
    ours: Sequence[float]
    unit: Literal["s", "B", "images/s"] = SECONDS
    other_name: str = ""
    other: Sequence[float] = ()
    goal: Goal | None = None
    floor: float | None = None
    others: float | None = None

    @property
    def value(self) -> float:
        """The median of ours."""
        return statistics.median(self.ours)

    @property
    def other_value(self) -> float | None:
        """The median of the other side, or None when there is none."""
        return statistics.median(self.other) if self.other else None

    @property
    def ratio(self) -> float | None:
        """Ours divided by the other's: below 1 is faster or smaller, of images/s slower."""
        return None if self.other_value is None else self.value / self.other_value

    @property
    def met(self) -> bool | None:
        """Whether the goal is reached; None where none was set."""
        if self.goal is None:
            return None
        reached = self.value if self.goal.on == "ours" else self.ratio
        if reached is None:
            return False
        return reached >= self.goal.limit if self.goal.least else reached <= self.goal.limit

    def as_json(self) -> dict:
        """Everything measured, every sample."""
        return {
            "what": self.what,
            "unit": self.unit,
            "ours": list(self.ours),
            "other_name": self.other_name,
            "other": list(self.other),
            "median_ours": self.value,
            "median_other": self.other_value,
            "ratio": self.ratio,
            "floor": self.floor,
            "others": self.others,
            "goal": None if self.goal is None else asdict(self.goal),
            "met": self.met,
        }


def quantity(value: float, unit: str) -> str:
    """A value for a reader, with three digits: "41.2 ms", "1.87 s", "812 MB", "8.30 images/s"."""
    steps = {
        SECONDS: ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")),
        BYTES: ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")),
        RATE: ((1.0, RATE),),
    }
    scale, name = next(((s, n) for s, n in steps[unit] if value >= s), steps[unit][-1])
    scaled = value / scale
    digits = 2 if scaled < 9.995 else 1 if scaled < 99.95 else 0
    return f"{scaled:.{digits}f} {name}"
