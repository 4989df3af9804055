"""Panoptic quality (PQ, SQ, RQ) of panoptic maps against their truth, as COCO's `panopticapi` defines it.

Segments of one class match where IoU > 0.5, so that each has at most one partner. Image by image:

- IoU: the union leaves out the pixels of the prediction that are void in the truth;
- a crowd of the truth is never matched and never missed;
- a predicted segment without partner is no false positive where more than half of it lies on void, or on the
  crowd of its class; of several crowds of one class in an image the last listed is that crowd.

PQ = ΣIoU / (TP + FP/2 + FN/2), SQ = ΣIoU / TP, RQ = TP / (TP + FP/2 + FN/2); groups are means over the
classes that were met.

Pixels and segments are whole numbers. An IoU above 0.5, rounded to float64 as the authors round it, is a
whole number of 2⁻⁵³, and these are summed: so the order of the images and their division among processes
change nothing, not even the last bit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from ms_ovs.data.segments import PanopticMap
from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import Data, Evaluation, Predict, Progress, score_images

ULP_BITS = 53  # a float64 in (0.5, 1] is a whole number of 2^-53
LOW_BITS = 27  # of them are summed apart, so that no int64 overflows
TP, FP, FN, HIGH, LOW = range(5)

Group = Literal["all", "things", "stuff"]
GROUPS: tuple[Group, ...] = ("all", "things", "stuff")


class Quality(NamedTuple):
    """PQ, SQ and RQ (fractions) of a group, means over `classes` classes that were met; 0 where none was."""

    pq: float
    sq: float
    rq: float
    classes: int


class PanopticScores:
    """Counts of segments for the classes `labels`, and the ratios that follow from them.

    `things` says of each class whether it is a thing, else stuff. All ratios are fractions.
    """

    def __init__(self, labels: Sequence[str], things: Sequence[bool]):
        """Raises `ValueError` where there is not one of `things` for each label."""
        self.labels, self.things = tuple(labels), tuple(map(bool, things))
        if len(self.labels) != len(self.things):
            raise ValueError(f"{len(self.things)} things or stuff for {len(self.labels)} labels")
        self._table = np.zeros((len(self.labels), 5), np.int64)

    def check(self, target: PanopticMap, shape: tuple[int, ...]) -> None:
        """See that a truth, or a prediction, has the size (H,W) and that its segments are of known classes.

        Raises `UserError` where not, or where the segments are not those of the map.
        """
        if target.shape != shape:
            raise UserError(
                f"the panoptic map is of {target.shape} pixels, the image of {shape}: they must agree"
            )
        for segment in target.segments:
            if not 0 <= segment.label < len(self.labels):
                raise UserError(
                    f"segment {segment.id} is of class {segment.label}, the list has {len(self.labels)} "
                    f"labels (0 to {len(self.labels) - 1}): check the table of categories or the list"
                )
        _ = target.places  # which checks them

    def update(self, prediction: PanopticMap, target: PanopticMap) -> None:
        """Count an image. Raises what `check` raises, for either map, and leaves the counts as they were."""
        self.check(target, prediction.shape)
        self.check(prediction, target.shape)
        pixels = _shared_pixels(prediction, target)
        labels, crowd = _labels(target), np.array([segment.crowd for segment in target.segments], bool)
        predicted = _labels(prediction)
        shared, areas, on_void = pixels[1:, 1:], pixels[:, 1:].sum(0), pixels[0, 1:]
        union = pixels[1:].sum(1)[:, None] + areas - shared - on_void
        same = labels[:, None] == predicted
        found, partner = np.nonzero((2 * shared > union) & same & ~crowd[:, None])

        missed = ~crowd
        missed[found] = False
        excused = on_void + _on_crowd(shared, same, crowd, labels)
        alone = 2 * excused <= areas
        alone[partner] = False

        ulps = (shared[found, partner] / union[found, partner] * 2.0**ULP_BITS).astype(np.int64)
        for column, classes, amounts in (
            (TP, labels[found], 1),
            (HIGH, labels[found], ulps >> LOW_BITS),
            (LOW, labels[found], ulps & (2**LOW_BITS - 1)),
            (FN, labels[missed], 1),
            (FP, predicted[alone], 1),
        ):
            np.add.at(self._table[:, column], classes, amounts)

    @property
    def counts(self) -> np.ndarray:
        """All counts as int64 (5·C,): sum these arrays over the ranks and read them by `from_counts`."""
        return self._table.flatten()

    @classmethod
    def from_counts(
        cls, labels: Sequence[str], things: Sequence[bool], counts: np.ndarray
    ) -> "PanopticScores":
        """The scores whose `counts` these are."""
        scores = cls(labels, things)
        scores._table = np.array(counts, np.int64).reshape(scores._table.shape)
        return scores

    @property
    def true_positives(self) -> np.ndarray:
        """int64 (C,): segments with a partner."""
        return self._table[:, TP]

    @property
    def false_positives(self) -> np.ndarray:
        """int64 (C,): predicted segments without a partner."""
        return self._table[:, FP]

    @property
    def false_negatives(self) -> np.ndarray:
        """int64 (C,): segments of the truth without a partner."""
        return self._table[:, FN]

    @property
    def iou_sum(self) -> np.ndarray:
        """float64 (C,): sum of the IoU of the matched pairs, rounded once."""
        parts = self._table[:, [HIGH, LOW]].tolist()
        return np.array([((high << LOW_BITS) + low) / 2**ULP_BITS for high, low in parts], float)

    @property
    def present(self) -> np.ndarray:
        """bool (C,): the classes that have a segment in any of the counts."""
        return self._table[:, [TP, FP, FN]].any(1)

    @property
    def pq(self) -> np.ndarray:
        """float64 (C,): panoptic quality, 0 for classes that were not met."""
        return _ratio(self.iou_sum, self._segments)

    @property
    def sq(self) -> np.ndarray:
        """float64 (C,): segmentation quality, the mean IoU of the matched pairs; 0 where there are none."""
        return _ratio(self.iou_sum, self.true_positives)

    @property
    def rq(self) -> np.ndarray:
        """float64 (C,): recognition quality, the F-score of the segments; 0 for classes that were not met."""
        return _ratio(self.true_positives, self._segments)

    def quality(self, group: Group = "all") -> Quality:
        """Means over those classes of a group that were met."""
        things = np.array(self.things)
        members = self.present & {"all": np.ones_like(things), "things": things, "stuff": ~things}[group]
        means = (
            float(values[members].mean()) if members.any() else 0.0 for values in (self.pq, self.sq, self.rq)
        )
        return Quality(*means, int(members.sum()))

    @property
    def _segments(self) -> np.ndarray:
        return self.true_positives + (self.false_positives + self.false_negatives) / 2


@dataclass
class PanopticEvaluation(Evaluation):
    """What came out of scoring panoptic maps."""

    scores: PanopticScores

    def _of(self, counts: np.ndarray) -> PanopticScores:
        return PanopticScores.from_counts(self.scores.labels, self.scores.things, counts)


def evaluate_panoptic(
    predict: Predict,
    data: Data,
    labels: Sequence[str],
    things: Sequence[bool],
    *,
    rank: int = 0,
    ranks: int = 1,
    strict: bool = False,
    progress: Progress | None = None,
) -> PanopticEvaluation:
    """As `ms_ovs.evaluation.evaluate.evaluate`, with `PanopticMap` for truth and prediction."""
    result = PanopticEvaluation(PanopticScores(labels, things))
    score_images(result, predict, data, rank=rank, ranks=ranks, strict=strict, progress=progress)
    return result


def _labels(map_: PanopticMap) -> np.ndarray:
    return np.array([segment.label for segment in map_.segments], np.int64)


def _shared_pixels(prediction: PanopticMap, target: PanopticMap) -> np.ndarray:
    """int64 (T+1,P+1): pixels of each pair of segments of truth and prediction, void first."""
    rows, columns = len(target.segments) + 1, len(prediction.segments) + 1
    pairs = target.places.astype(np.int64) * columns + prediction.places
    return np.bincount(pairs.ravel(), minlength=rows * columns).reshape(rows, columns)


def _on_crowd(shared: np.ndarray, same: np.ndarray, crowd: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """int64 (P,): pixels of each predicted segment on the crowd of its class, the last one listed."""
    last = {labels[number]: number for number in np.flatnonzero(crowd)}
    rows = list(last.values())
    return (shared[rows] * same[rows]).sum(0)


def _ratio(above: np.ndarray, below: np.ndarray) -> np.ndarray:
    return np.divide(above, below, out=np.zeros(len(below)), where=below > 0)
