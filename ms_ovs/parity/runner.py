"""Run cases and gather their rows."""

import time
from dataclasses import dataclass

from ms_ovs.errors import UserError
from ms_ovs.parity import schema
from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import INFORMATION, MET, NOT_MET, Row, compare


@dataclass(frozen=True)
class Result:
    """The rows of one case and the seconds it took, compilation included."""

    case: Case
    rows: list[Row]
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether every output is met; a case where nothing was judged proves nothing and fails."""
        statuses = {row.status for row in self.rows}
        return MET in statuses and NOT_MET not in statuses

    @property
    def worst(self) -> float:
        """The largest error among the judged outputs."""
        return max((row.error for row in self.rows if row.status != INFORMATION), default=float("inf"))


def check(case: Case) -> None:
    """See that the files of a case are whole, which takes no time. Raises `UserError` where they are not."""
    if case.kind not in ADAPTERS:
        raise UserError(
            f"{case.folder}: no adapter for cases of kind {case.kind!r}; known are {', '.join(ADAPTERS)}"
        )
    adapter = ADAPTERS[case.kind]
    schema.read(case.folder / "case.json", adapter.schema)
    case.check_arrays()
    if adapter.weights:
        case.weights()


def run(case: Case) -> Result:
    """Build the weights of a case, run our model and judge every output that the case lists.

    Raises `UserError` for a case that no numbers can be made for.
    """
    check(case)
    adapter = ADAPTERS[case.kind]
    start = time.perf_counter()
    try:
        ours = adapter.compute(case)
        rows = adapter.rows(case)
    except UserError as error:
        raise UserError(f"{case.folder}: {error}") from error
    limits = adapter.limits(case)
    rows += [compare(case, output, ours.get(output), limits.get(output)) for output in case.descriptions]
    return Result(case, rows, time.perf_counter() - start)
