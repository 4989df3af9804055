"""Run cases and gather their rows."""

import time
from dataclasses import dataclass

from ms_ovs.errors import UserError
from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import INFORMATION, NOT_MET, Row, compare


@dataclass(frozen=True)
class Result:
    """The rows of one case and the seconds it took, compilation included."""

    case: Case
    rows: list[Row]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every output is met; a case without outputs proves nothing and does not pass."""
        return bool(self.rows) and all(row.status != NOT_MET for row in self.rows)

    @property
    def worst(self) -> float:
        """The largest error among the judged outputs."""
        return max((row.error for row in self.rows if row.status != INFORMATION), default=float("inf"))


def run(case: Case) -> Result:
    """Build the weights of a case, run our model and judge every output that the case lists."""
    if case.kind not in ADAPTERS:
        raise UserError(
            f"{case.folder}: no adapter for cases of kind {case.kind!r}; known are {', '.join(ADAPTERS)}"
        )
    start = time.perf_counter()
    ours = ADAPTERS[case.kind](case)
    rows = [compare(case, output, ours.get(output)) for output in case.descriptions]
    return Result(case, rows, time.perf_counter() - start)
