"""The difference between an array of ours and the stored samples of the reference."""

from dataclasses import dataclass

import numpy as np

from ms_ovs.parity import case as cases
from ms_ovs.parity.case import Case

MET, NOT_MET, INFORMATION = "met", "NOT MET", "information"


@dataclass(frozen=True)
class Row:
    """One output of a case: the error reached, the limit, and what follows.

    `error` is max|ours − theirs| / std(theirs); for exact outputs the number of values that differ,
    for counts of pixels the share that moved. NaN is never met.
    """

    output: str
    error: float
    tolerance: float
    status: str
    note: str = ""


def compare(case: Case, output: str, ours: np.ndarray | None) -> Row:
    """Judge one output. `ours` is the full array, or None where nothing was computed."""
    description = case.descriptions[output]
    if description.startswith(cases.INFORMATION):
        return Row(output, float("nan"), case.tolerance, INFORMATION, "not judged, as the case says")
    if ours is None:
        return Row(output, float("inf"), case.tolerance, NOT_MET, "no such result in our model")
    theirs = case.arrays[output]
    stride = case.arrays.get(f"{output}.stride")
    if stride is not None and ours.ndim == theirs.ndim:
        ours = ours[tuple(slice(None, None, int(step)) for step in stride)]
    if ours.shape != theirs.shape:
        return Row(
            output, float("inf"), case.tolerance, NOT_MET, f"shape {ours.shape}, the case has {theirs.shape}"
        )
    if case.tolerance == 0 or ", exact]" in description:
        wrong = float(np.count_nonzero(ours != theirs))
        return Row(output, wrong, 0.0, NOT_MET if wrong else MET, "exact: the number of values that differ")
    difference = np.abs(ours.astype(np.float64) - theirs)
    if np.issubdtype(theirs.dtype, np.integer):
        # counts of pixels, of which near ties may move some
        error = float(difference.sum() / max(theirs.sum(), 1))
        note = f"share of the {theirs.sum()} counted pixels"
    else:
        # a lone number has no spread: its own size serves
        spread = theirs.std(dtype=np.float64) or np.abs(theirs).max() or 1.0
        error = float(difference.max() / spread)
        note = ""
    return Row(output, error, case.tolerance, MET if error <= case.tolerance else NOT_MET, note)
