"""How thoroughly to measure."""

from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Setting:
    """`threads`: cores of each side. `quick`: few repetitions, to see that everything runs."""

    threads: int
    quick: bool

    def pick(self, full: T, quick: T) -> T:
        """The one of two values that belongs to this setting."""
        return quick if self.quick else full
