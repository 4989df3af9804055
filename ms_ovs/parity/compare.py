"""The difference between an array of ours and the stored samples of the reference."""

from dataclasses import dataclass

import numpy as np

from ms_ovs.parity import case as cases
from ms_ovs.parity.case import Case

MET, NOT_MET, INFORMATION = "met", "NOT MET", "information"


@dataclass(frozen=True)
class Limit:
    """How far an output may be off, and how that is measured.

    `measure` is "spread" (of the largest difference to the standard deviation, the rule), "absolute" (the
    largest difference itself), "relative" (to each value), "norm" (2-norm of the difference to that of the
    values) or "share" (of the values that differ at all). `value` is one number, or one for each value.
    """

    value: float | tuple[float, ...]
    measure: str = "spread"


def _error(difference: np.ndarray, theirs: np.ndarray, measure: str) -> np.ndarray:
    if measure == "absolute":
        return difference
    if measure == "relative":
        return difference / np.abs(theirs)
    if measure == "norm":
        return np.linalg.norm(difference.ravel()) / np.linalg.norm(theirs.ravel())
    if measure == "share":
        return np.count_nonzero(difference) / difference.size
    # a lone number has no spread: its own size serves
    return difference / (theirs.std(dtype=np.float64) or np.abs(theirs).max() or 1.0)


@dataclass(frozen=True)
class Row:
    """One output of a case: the error reached, the limit, and what follows.

    `error` is max|ours − theirs| / std(theirs), or what the `Limit` measures; for exact outputs the
    number of values that differ, for counts of pixels the share that moved. NaN is met by NaN alone: where
    both have it, as for a score of a class that does not occur, the values are left out.
    """

    output: str
    error: float
    tolerance: float
    status: str
    note: str = ""


def compare(case: Case, output: str, ours: np.ndarray | None, limit: Limit | None = None) -> Row:
    """Judge one output. `ours` is the full array, or None where nothing was computed.

    Without a `limit` of its own an output is held to the case's tolerance by the rule.
    """
    limit = limit or Limit(case.tolerance)
    allowed = float(np.max(limit.value))
    description = case.descriptions[output]
    if description.startswith(cases.INFORMATION):
        return Row(output, float("nan"), allowed, INFORMATION, "not judged, as the case says")
    if ours is None:
        return Row(output, float("inf"), allowed, NOT_MET, "not computed")
    theirs = case.arrays[output]
    stride = case.arrays.get(f"{output}.stride")
    if stride is not None and ours.ndim == theirs.ndim:
        ours = ours[tuple(slice(None, None, int(step)) for step in stride)]
    if ours.shape != theirs.shape:
        return Row(output, float("inf"), allowed, NOT_MET, f"shape {ours.shape}, the case has {theirs.shape}")
    if allowed == 0 or ", exact]" in description:
        wrong = float(np.count_nonzero(ours != theirs))
        return Row(output, wrong, 0.0, NOT_MET if wrong else MET, "exact")
    undefined = np.isnan(ours) & np.isnan(theirs)
    if undefined.any() and np.isscalar(limit.value):
        ours, theirs = ours[~undefined], theirs[~undefined]
        if not theirs.size:
            return Row(output, 0.0, allowed, MET, "not a number, as the case has it")
    difference = np.abs(ours.astype(np.float64) - theirs)
    if np.issubdtype(theirs.dtype, np.integer):
        # counts of pixels, of which near ties may move some
        errors = np.asarray(difference.sum() / max(theirs.sum(), 1))
        note = "share of the counted pixels"
    else:
        errors = np.asarray(_error(difference, theirs, limit.measure))
        note = "" if limit.measure == "spread" else limit.measure
    met = (errors <= np.asarray(limit.value)).all()
    return Row(output, float(errors.max()), allowed, MET if met else NOT_MET, note)
