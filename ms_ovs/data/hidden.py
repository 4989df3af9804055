"""A data set some of whose labels are hidden from training, to be filled in by a network."""

from collections.abc import Collection
from typing import Literal

import numpy as np

from ms_ovs.data.loader import Dataset
from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError

HIDDEN = -2  # what targets hold where a label is to be filled in
ALL = "all"


class HiddenLabels:
    """(image, target, …) of `dataset`, with HIDDEN in the place of the labels `classes`, or of "all".

    With `ignored` what the data set ignores is hidden too, not ignored: nothing is known of it either. With
    `numbered` the number of the sample comes behind.
    """

    def __init__(
        self,
        dataset: Dataset,
        classes: Collection[int] | Literal["all"],
        *,
        ignored: bool = False,
        numbered: bool = False,
    ):
        self.dataset = dataset
        self.classes = ALL if isinstance(classes, str) else np.array(sorted(classes), np.int32)
        self.ignored, self.numbered = ignored, numbered

    def __len__(self) -> int:
        """The number of samples."""
        return len(self.dataset)

    def __getitem__(self, index: int) -> tuple:
        """The sample; raises what the data set raises."""
        image, target, *others = self.dataset[index]
        hidden = target != IGNORE if isinstance(self.classes, str) else np.isin(target, self.classes)
        if self.ignored:
            hidden |= target == IGNORE
        target = np.where(hidden, np.int32(HIDDEN), target)
        return image, target, *others, *([index] if self.numbered else [])


def check_hidden(target: np.ndarray, classes: Collection[int]) -> None:
    """Raise `UserError` where a label that is hidden, one of `classes`, occurs in a target all the same."""
    seen = np.intersect1d(target, np.array(list(classes), np.int64))
    if seen.size:
        raise UserError(
            f"class {int(seen[0])} is suppressed and occurs in an annotation: its labels must be hidden from "
            "training, check data.suppressed and the reader"
        )
