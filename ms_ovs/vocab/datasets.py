"""The data sets by name: their classes, the ids that stand for them in the original files, the unseen ones.

What a system makes of the names is in `ms_ovs.vocab.systems`. Sources are in `lists/README.md` and
`raw_ids/README.md`.
"""

import csv
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType

from ms_ovs.errors import choose
from ms_ovs.vocab.labels import Vocabulary, parse

THING = "isthing"  # the column of a table that not every source has


@dataclass(frozen=True)
class DatasetClasses:
    """The classes of a data set, numbered from 0.

    - `vocabulary` is the data set's own list, with its synonyms.
    - `raw_ids` is {value in the original annotation: class}; a value that is not there is ignored. It is
      empty where masks hold no classes (FSS-1000). Values are pixels; for ADE20K-847 the id that a colour
      stands for, for PASCAL Context the ids of the 459 classes, for COCO panoptic the category in the JSON.
    - `things` says of each class whether it is a thing, else stuff; None where the source does not say.
    - `unseen` are the numbers of the classes that the zero-shot protocol keeps out of training.
    """

    vocabulary: Vocabulary
    raw_ids: Mapping[int, int]
    things: tuple[bool, ...] | None = None
    unseen: tuple[int, ...] = ()

    @property
    def seen(self) -> tuple[bool, ...]:
        """Of each class, whether the zero-shot protocol trains with it."""
        hidden = set(self.unseen)
        return tuple(number not in hidden for number in range(len(self.vocabulary)))


@dataclass(frozen=True)
class _Known:
    """`ids` is the column of `raw_ids/NAME.tsv` with the stored values, or the value of class 0, or None."""

    ids: str | int | None
    unseen: tuple[int, ...] = ()


_DATASETS = {
    "ade20k_150": _Known("raw_id"),
    "ade20k_847": _Known("raw_id"),
    "pascal_context_59": _Known("raw_id_459"),
    # MaskCLIP+: cow, motorbike, sofa, cat, boat, fence, bird, tvmonitor, keyboard, aeroplane
    "pascal_context_60": _Known("raw_id_459", unseen=(20, 34, 49, 15, 8, 25, 7, 55, 32, 1)),
    "pascal_context_459": _Known(1),
    "voc_20": _Known(1, unseen=(15, 16, 17, 18, 19)),
    "voc_21": _Known(0, unseen=(16, 17, 18, 19, 20)),
    # the names are in the list coco_stuff_unseen15
    "coco_stuff_171": _Known(
        "pixel_value", unseen=(19, 23, 28, 29, 36, 51, 76, 88, 94, 112, 133, 136, 137, 157, 160)
    ),
    "coco_panoptic_133": _Known("category_id"),
    "cityscapes_19": _Known("raw_id"),
    "pascal5i": _Known(1),
    "coco20i": _Known(1),
    "fss1000": _Known(None),
}
NAMES = tuple(_DATASETS)


@functools.cache
def get(name: str) -> DatasetClasses:
    """The classes of the data set `name`, one of `NAMES`. Raises `UserError` for another name."""
    known = _DATASETS[choose("data set", name, NAMES)]
    vocabulary = parse(name)
    raw_ids, things = _ids(name, known.ids, len(vocabulary))
    return DatasetClasses(vocabulary, MappingProxyType(raw_ids), things, known.unseen)


def _ids(name: str, ids: str | int | None, classes: int) -> tuple[dict[int, int], tuple[bool, ...] | None]:
    """{stored value: class}, and the things if the table has them."""
    if ids is None:
        return {}, None
    if isinstance(ids, int):
        return {number + ids: number for number in range(classes)}, None
    text = resources.files(__package__).joinpath("raw_ids", f"{name}.tsv").read_text("utf-8")
    rows = list(csv.DictReader(text.splitlines(), delimiter="\t"))
    things = tuple(row[THING] == "1" for row in rows) if THING in rows[0] else None
    return {int(row[ids]): number for number, row in enumerate(rows)}, things


def seen_by_synonym(test: Vocabulary, training: Vocabulary) -> tuple[bool, ...]:
    """Of each class of `test`, whether any of its synonyms is among the synonyms of `training`.

    This is how FC-CLIP divides classes into those that training knows and new ones, letter by letter.
    """
    known = set(training.words)
    return tuple(not known.isdisjoint(group) for group in test.synonyms)
