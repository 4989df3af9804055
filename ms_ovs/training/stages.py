"""When a student learns from its teacher's labels, and when from its own (MaskCLIP+; design 6.2)."""

from typing import Literal

from pydantic import model_validator

from ms_ovs.config import Settings

Range = tuple[int, int | None]  # first and last forward, from 1; None: no end

FORWARDS, STEPS = "forwards", "steps"


class StageSettings(Settings):
    """Ranges [first, last] of forwards in which labels are completed, last null for no end, null for never.

    `count` says what is counted. "forwards", as the authors' program does: every forward of this process
    since it started, those of validation too (an image each), and from 0 again after a resumption. "steps":
    the passes of the training alone, on from where a resumed one was.
    """

    guided: Range | None = (1, None)
    self_training: Range | None = None
    count: Literal["forwards", "steps"] = FORWARDS

    @model_validator(mode="after")
    def _apart(self):
        known = {"guided": self.guided, "self_training": self.self_training}
        ranges = {name: given for name, given in known.items() if given is not None}
        for name, (first, last) in ranges.items():
            if first < 1 or (last is not None and last < first):
                raise ValueError(
                    f"{name} is [{first}, {last}]: give a first forward from 1 on and a last from it on"
                )
        if len(ranges) == 2:
            (_, early_last), (late_first, _) = sorted(ranges.values(), key=lambda given: given[0])
            if early_last is None or early_last >= late_first:
                raise ValueError(
                    f"guided is {_shown(self.guided)}, self_training {_shown(self.self_training)}: the "
                    "ranges overlap, and a label is completed by one of the two; end the first before the "
                    "second"
                )
        return self


def _shown(given: Range) -> str:
    return str([given[0], given[1]]).replace("None", "null")


class Stages:
    """The counter, and what it means: `guided` and `self_training` are of the forward that comes next."""

    def __init__(self, settings: StageSettings):
        self.settings = settings
        self.counter = 0

    def passed(self, forwards: int = 1) -> None:
        """Forwards of training are done."""
        self.counter += forwards

    def evaluated(self, forwards: int) -> None:
        """Forwards of validation are done."""
        if self.settings.count == FORWARDS:
            self.counter += forwards

    def resumed(self, passes: int) -> None:
        """The training went on behind so many passes."""
        self.counter = passes if self.settings.count == STEPS else 0

    @property
    def guided(self) -> bool:
        """Whether the teacher completes the labels."""
        return self._within(self.settings.guided)

    @property
    def self_training(self) -> bool:
        """Whether the student itself does."""
        return self._within(self.settings.self_training)

    def _within(self, given: Range | None) -> bool:
        if given is None:
            return False
        first, last = given
        return first <= self.counter + 1 and (last is None or self.counter + 1 <= last)
