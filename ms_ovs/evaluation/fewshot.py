"""Scores of the few-shot benchmarks by HSNet's protocol, which LSeg's zero-shot networks are tested with.

An episode asks for one class: foreground (1) against all else (0). Intersections and unions of both are
summed in the row of that class; the mean over the classes of a fold follows (`mIoU`, foreground alone), and
the mean over background and foreground of the sums over all its classes (`FB-IoU`). Both in percent.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError

SIDES = 2  # background, foreground
PERCENT = np.float32(100)


class Areas(NamedTuple):
    """Pixels of an episode, each int64 (2,): background and foreground."""

    intersection: np.ndarray
    union: np.ndarray


def areas(prediction: np.ndarray, target: np.ndarray) -> Areas:
    """Intersection and union of a predicted and a true mask, integers (H,W) of 0 and 1.

    Pixels whose target is -1 drop out of every count. Raises `UserError` for masks of two sizes or with other
    values.
    """
    if prediction.shape != target.shape:
        raise UserError(
            f"the mask is of {target.shape} pixels and the prediction of {prediction.shape}: "
            "they must be of one size"
        )
    kept = target != IGNORE
    prediction, target = prediction[kept], target[kept]
    for values, what in ((target, "mask"), (prediction, "prediction")):
        if values.size and (values.min() < 0 or values.max() >= SIDES):
            raise UserError(
                f"the {what} of an episode holds values from {values.min()} to {values.max()}: it must be 0 "
                f"or 1, and {IGNORE} where the mask is ignored"
            )
    pairs = np.bincount(target.astype(np.int64) * SIDES + prediction, minlength=SIDES**2)
    table = pairs.reshape(SIDES, SIDES)
    intersection = table.diagonal().copy()
    return Areas(intersection, table.sum(0) + table.sum(1) - intersection)


class FewShotScores:
    """Sums over the episodes of the classes `classes` (ids in any order), and the two scores.

    `intersection` and `union` are int64 (2,N): background and foreground, one column a class; `episodes`
    counts them.
    """

    def __init__(self, classes: Sequence[int]):
        self.classes = tuple(classes)
        self._column = {number: column for column, number in enumerate(self.classes)}
        self.intersection = np.zeros((SIDES, len(self.classes)), np.int64)
        self.union = np.zeros_like(self.intersection)
        self.episodes = 0

    def update(self, prediction: np.ndarray, target: np.ndarray, number: int) -> Areas:
        """Add an episode of the class `number`; masks, errors and result are those of `areas`."""
        if number not in self._column:
            raise UserError(
                f"an episode is of class {number}, the fold has {len(self.classes)} others "
                f"(first {self.classes[0]}, last {self.classes[-1]}): use the episodes of this fold"
            )
        found = areas(prediction, target)
        self.intersection[:, self._column[number]] += found.intersection
        self.union[:, self._column[number]] += found.union
        self.episodes += 1
        return found

    @property
    def counts(self) -> np.ndarray:
        """All sums as int64 (4·N+1,): sum these arrays over the ranks and read them by `from_counts`."""
        return np.concatenate([self.intersection.ravel(), self.union.ravel(), [self.episodes]])

    @classmethod
    def from_counts(cls, classes: Sequence[int], counts: np.ndarray) -> "FewShotScores":
        """The scores whose `counts` these are."""
        scores = cls(classes)
        both = np.array(counts[:-1], np.int64).reshape(2, *scores.union.shape)
        scores.intersection, scores.union = both[0], both[1]
        scores.episodes = int(counts[-1])
        return scores

    @property
    def iou(self) -> np.ndarray:
        """float32 (N,): foreground IoU of each class, a fraction; 0 for a class without episodes."""
        return _ratio(self.intersection[1], self.union[1])

    @property
    def miou(self) -> float:
        """Mean foreground IoU over all classes of the fold, in percent; those without episodes count 0."""
        return float(self.iou.mean() * PERCENT)

    @property
    def fb_iou(self) -> float:
        """Mean over background and foreground of their IoU from sums over the classes, in percent."""
        return float(_ratio(self.intersection.sum(1), self.union.sum(1)).mean() * PERCENT)


def _ratio(intersection: np.ndarray, union: np.ndarray) -> np.ndarray:
    """The quotient in float32, as the authors' program forms it, so that all printed digits are theirs."""
    return intersection.astype(np.float32) / np.maximum(union, 1).astype(np.float32)
