"""Sides that take turns, so that the drift of the machine falls on all alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.samples import Sample, others_share

QUIET = 0.05  # part of the machine that others may take in a round that counts
TRIES = 3  # rounds made, at most, for each that is wanted

Turn = Callable[[], Sample]


@dataclass(frozen=True)
class Rounds:
    """The rounds that count; each holds a sample of every turn."""

    rounds: list[dict[str, Sample]]

    def seconds(self, name: str) -> list[float]:
        """Every call of a turn."""
        return [taken for turns in self.rounds for taken in turns[name].seconds]

    def peak_memory(self, name: str) -> list[int]:
        """Bytes, one value a round."""
        return [turns[name].peak_memory for turns in self.rounds]

    @property
    def others(self) -> float | None:
        """The part of the machine that other processes took in these rounds."""
        return others_share([sample for turns in self.rounds for sample in turns.values()])


def alternate(turns: Mapping[str, Turn], count: int) -> Rounds:
    """`count` rounds A B …, A B …, made while others left the machine alone.

    A busy machine does not slow all programs alike (threads that wait for each other suffer most), so
    rounds are made until `count` of them were quiet, but at most `TRIES` times as many; the quietest
    count. What decides is the time of others, never a result.
    """
    made: list[dict[str, Sample]] = []
    while len(made) < TRIES * count and sum(map(_quiet, made)) < count:
        made.append({name: turn() for name, turn in turns.items()})
    return Rounds(sorted(made, key=_others)[:count])


def _others(turns: Mapping[str, Sample]) -> float:
    return others_share(list(turns.values())) or 0.0


def _quiet(turns: Mapping[str, Sample]) -> bool:
    return _others(turns) <= QUIET
