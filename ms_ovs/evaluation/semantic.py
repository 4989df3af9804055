"""Scores of label maps against their truth, from exact counts of pixels.

Everything follows from the confusion matrix, which grows by whole numbers: the order of the images and their
division among processes change nothing. Three means of the IoU are in use, all given under their names:

- `miou`, LSeg's rule: over all classes of the list, of which absent ones count 0;
- `miou_present`, the usual rule: over the classes that were met, in the truth or in the prediction;
- `miou_truth`, the rule of detectron2 after its release 0.6: over the classes that were met in the truth.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError

TINY = np.spacing(1.0)  # 2.2e-16, added to the union by PyTorch-Encoding, whose numbers LSeg reports


@dataclass(frozen=True)
class SeenUnseen:
    """mIoU (fractions) over the classes that had labels in training, over the others, and their mean."""

    seen: float
    unseen: float

    @property
    def harmonic(self) -> float:
        """2·s·u / (s + u): low when either is low."""
        total = self.seen + self.unseen
        return 2 * self.seen * self.unseen / total if total else 0.0


class SemanticScores:
    """Counts of pixels for the classes `labels`, and the ratios that follow from them.

    `confusion` int64 (C,C) has the classes of the truth in its rows and those predicted in its columns;
    `ignored` counts the pixels without a label. All ratios are fractions, 0 where nothing was counted.
    """

    def __init__(self, labels: Sequence[str]):
        self.labels = tuple(labels)
        self.confusion = np.zeros((len(self.labels),) * 2, np.int64)
        self.ignored = 0

    def check(self, target: np.ndarray, shape: tuple[int, ...]) -> None:
        """See, before a prediction is made, that a truth fits an image of `shape` (H,W) and the labels.

        Raises `UserError` for another size, or values that are neither classes nor -1.
        """
        if target.shape != shape:
            raise UserError(
                f"the label map is of {target.shape} pixels, the image of {shape}: they must agree"
            )
        least, most = (int(target.min()), int(target.max())) if target.size else (IGNORE, IGNORE)
        count = len(self.labels)
        if least < IGNORE or most >= count:
            raise UserError(
                f"the label map holds class {least if least < IGNORE else most}, the list has {count} labels "
                f"(0 to {count - 1}, {IGNORE} for none): check the ids or the list"
            )

    def update(self, prediction: np.ndarray, target: np.ndarray) -> None:
        """Count an image, or several: integers (H,W), or any shape that both have.

        Predictions are 0 to C-1, targets too, or -1 for pixels that are not counted. Raises what `check`
        raises, and leaves the counts as they were.
        """
        self.check(target, prediction.shape)
        count = len(self.labels)
        if prediction.size and not 0 <= prediction.min() <= prediction.max() < count:
            raise ValueError(f"predictions from {prediction.min()} to {prediction.max()} for {count} labels")
        labelled = target != IGNORE
        pairs = target[labelled].astype(np.int64) * count + prediction[labelled]
        self.confusion += np.bincount(pairs, minlength=count**2).reshape(count, count)
        self.ignored += target.size - pairs.size

    @property
    def counts(self) -> np.ndarray:
        """All counts as int64 (C·C+1,): sum these arrays over the ranks and read them by `from_counts`."""
        return np.append(self.confusion.ravel(), self.ignored)

    @classmethod
    def from_counts(cls, labels: Sequence[str], counts: np.ndarray) -> "SemanticScores":
        """The scores whose `counts` these are."""
        scores = cls(labels)
        scores.confusion = np.array(counts[:-1], np.int64).reshape(scores.confusion.shape)
        scores.ignored = int(counts[-1])
        return scores

    @property
    def intersection(self) -> np.ndarray:
        """int64 (C,): pixels of each class that were predicted as it."""
        return self.confusion.diagonal()

    @property
    def target(self) -> np.ndarray:
        """int64 (C,): pixels of each class in the truth."""
        return self.confusion.sum(1)

    @property
    def predicted(self) -> np.ndarray:
        """int64 (C,): labelled pixels predicted as each class."""
        return self.confusion.sum(0)

    @property
    def union(self) -> np.ndarray:
        """int64 (C,): labelled pixels that are of the class, or predicted as it, or both."""
        return self.target + self.predicted - self.intersection

    @property
    def correct(self) -> int:
        """Pixels predicted right."""
        return int(self.intersection.sum())

    @property
    def labelled(self) -> int:
        """Pixels that have a label."""
        return int(self.confusion.sum())

    @property
    def pixel_accuracy(self) -> float:
        """Share of the labelled pixels that is right."""
        return self.correct / (TINY + self.labelled)

    @property
    def iou(self) -> np.ndarray:
        """float64 (C,): intersection over union of each class, 0 for absent ones."""
        return self.intersection / (TINY + self.union)

    @property
    def accuracy(self) -> np.ndarray:
        """float64 (C,): share of each class's pixels that is right, 0 for classes without pixels."""
        return self.intersection / (TINY + self.target)

    @property
    def precision(self) -> np.ndarray:
        """float64 (C,): share of the pixels predicted as each class that is right, 0 where none is."""
        return self.intersection / (TINY + self.predicted)

    @property
    def dice(self) -> np.ndarray:
        """float64 (C,): harmonic mean of `accuracy` and `precision` (the F-score), 0 for absent classes."""
        return 2 * self.intersection / (TINY + self.target + self.predicted)

    @property
    def present(self) -> np.ndarray:
        """bool (C,): the classes that occur in the truth or the prediction."""
        return self.union > 0

    @property
    def miou(self) -> float:
        """Mean IoU over all classes, absent ones as 0 (LSeg's rule)."""
        return float(self.iou.mean())

    @property
    def miou_present(self) -> float:
        """Mean IoU over the classes that occur in the truth or the prediction (the usual rule)."""
        return _mean(self.iou[self.present])

    @property
    def miou_truth(self) -> float:
        """Mean IoU over the classes that occur in the truth (current detectron2)."""
        return _mean(self.iou[self.target > 0])

    @property
    def mean_accuracy(self) -> float:
        """Mean of `accuracy` over the classes that occur in the truth."""
        return _mean(self.accuracy[self.target > 0])

    @property
    def frequency_weighted_iou(self) -> float:
        """IoU of the classes, weighted by their shares of the labelled pixels."""
        return float((self.target * self.iou).sum() / (TINY + self.labelled))

    def seen_unseen(self, unseen: Iterable[int], seen: Iterable[int] | None = None) -> SeenUnseen:
        """`miou_present` over the class numbers `unseen`, and over those `seen`: all others, if not given.

        Raises `UserError` for numbers that are no classes or in both groups, and for a group without classes.
        """
        count = len(self.labels)
        hidden = set(unseen)
        shown = set(range(count)) - hidden if seen is None else set(seen)
        wrong = [number for number in sorted(hidden | shown) if not 0 <= number < count]
        if wrong or hidden & shown or not hidden or not shown:
            met = f"class {wrong[0]}" if wrong else f"{len(shown)} seen and {len(hidden)} unseen classes"
            raise UserError(
                f"{met} of {count} (0 to {count - 1}): each group needs at least one, and none may be in both"
            )
        groups = ([number for number in sorted(group) if self.present[number]] for group in (shown, hidden))
        return SeenUnseen(*(_mean(self.iou[group]) for group in groups))


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if values.size else 0.0
