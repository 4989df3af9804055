"""The rule by which the values in a label map become classes, and what is wrong when they break it.

A double or a missing shift by one is the commonest silent error with label maps, so every value is held
against the rule, and the message says which of the two it looks like.
"""

import copy
from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError

FORBIDDEN = -2
LEVELS = {np.dtype(np.uint8): 2**8, np.dtype(np.uint16): 2**16}
SHOWN = 3  # values that an error names


class IdRule:
    """Values to classes: those of `ignore` to -1, others by `table`, or without one by subtracting `offset`.

    Whatever then is no class from 0 to `count` - 1 breaks the rule.
    """

    def __init__(
        self,
        count: int,
        *,
        offset: int = 0,
        table: Mapping[int, int] | None = None,
        ignore: Sequence[int] = (),
    ):
        """Raises `UserError` for a table with classes that there are not."""
        self.count, self.offset, self.ignore, self.table = count, offset, tuple(ignore), table
        classes = dict(table) if table is not None else {n + offset: n for n in range(count)}
        if strays := sorted({n for n in classes.values() if not 0 <= n < count}):
            raise UserError(f"the table of ids leads to class {strays[0]}; classes go from 0 to {count - 1}")
        self._lookup = np.full(max(LEVELS.values()), FORBIDDEN, np.int32)
        for value, label in {**classes, **dict.fromkeys(self.ignore, IGNORE)}.items():
            if 0 <= value < len(self._lookup):
                self._lookup[value] = label

    def without(self, hidden: Iterable[int]) -> "IdRule":
        """This rule with the classes `hidden` ignored."""
        rule = copy.copy(self)
        rule._lookup = np.where(np.isin(self._lookup, list(hidden)), np.int32(IGNORE), self._lookup)
        return rule

    def __call__(self, raw: np.ndarray, where: str) -> np.ndarray:
        """int32 (H,W) with -1 = ignored, from the values of a file, uint8 or uint16 (H,W).

        Raises `UserError`, which calls the file `where`, for values that break the rule.
        """
        target = self._lookup[: LEVELS[raw.dtype]][raw]
        if target.min(initial=IGNORE) == FORBIDDEN:
            raise UserError(f"{where} {self._fault(np.unique(raw[target == FORBIDDEN]))}")
        return target

    def _fault(self, forbidden: np.ndarray) -> str:
        shown = ", ".join(map(str, forbidden[:SHOWN])) + (", …" if len(forbidden) > SHOWN else "")
        known = (
            "the table's" if self.table is not None else f"{self.offset} to {self.offset + self.count - 1}"
        )
        ignored = f", or {' or '.join(map(str, self.ignore))} for ignored pixels" if self.ignore else ""
        return f"holds {shown}; values are {known}{ignored}: {self._advice(forbidden)}"

    def _advice(self, forbidden: np.ndarray) -> str:
        top = LEVELS[np.dtype(np.uint8)] - 1
        stray, offset = forbidden.tolist(), self.offset if self.table is None else None
        if offset and stray == [top]:
            return "they look shifted already, set offset 0 and ignore [255]"
        if offset == 1 and stray == [0]:
            return "0 seems to stand for unlabelled, set ignore [0], or offset 0 if it is a class"
        if offset == 0 and stray == [self.count]:
            return "they seem to begin at 1, set offset 1 and ignore [0]"
        if stray == [top]:
            return "255 mostly stands for unlabelled, add it to ignore"
        return "check the label list, offset, table and ignore"
