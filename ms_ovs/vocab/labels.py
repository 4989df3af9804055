"""The words to segment by: classes in order, each with one or more synonyms.

How they are written:

- a string: commas separate classes, `|` separates synonyms: "cat, grass|lawn, other";
- a file (UTF-8): one class a line. Within a line a comma or `|` separates synonyms, as in the lists that
  ship with the package, so that a copy of one can be edited and used. No comments, no blank lines between;
- the name of a shipped list: "ade20k_150", "lseg/ade20k_150" (see `lists/README.md`; in those of MAFT a comma
  is part of the label). A lone word that is nearly such a name is an error, not a label;
- in Python also a sequence of strings: one class an item, `|` separates synonyms, a comma is part of a label.

The first synonym names the class. A user's list may not hold a label twice, because equal labels tie at every
pixel; the shipped lists may, since their rows are the rows of a data set.
"""

import difflib
import functools
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from ms_ovs.errors import UserError
from ms_ovs.vocab.files import read_lines

IN_STRING = re.compile(r"\|")
IN_FILE = re.compile(r"[|,]")
ONE_WORD = re.compile(r"[\w/-]+")
PHRASES = "maft/"  # lists whose lines are words as they stand: MAFT reads "road, route" as one phrase


@dataclass(frozen=True)
class Vocabulary:
    """Classes in order: `names[i]` is shown for class i, `synonyms[i]` are the words that stand for it."""

    names: tuple[str, ...]
    synonyms: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, names: Iterable[str]) -> "Vocabulary":
        """Classes of one word each, their names."""
        names = tuple(names)
        return cls(names, tuple((name,) for name in names))

    def __len__(self) -> int:
        """The number of classes."""
        return len(self.names)

    @property
    def words(self) -> tuple[str, ...]:
        """Every synonym of every class, in order."""
        return tuple(word for group in self.synonyms for word in group)


def parse(labels: str | Path | Sequence[str]) -> Vocabulary:
    """Read labels given as a string, a file, the name of a shipped list, or a sequence (see the module).

    A string is first looked up among the shipped lists, then taken for a file if it has a folder or an
    extension and the file exists (or ends in ".txt"). Raises `UserError` for no labels, an empty or doubled
    label, a missing or unreadable file.
    """
    if isinstance(labels, Path):
        return _from_file(labels)
    if not isinstance(labels, str):
        return _unique(_vocabulary(labels, IN_STRING, "item"))
    text = labels.strip()
    if text in builtin():
        lines = _folder().joinpath(f"{text}.txt").read_text("utf-8").splitlines()
        return _vocabulary(lines, IN_STRING if text.startswith(PHRASES) else IN_FILE, "line")
    head, tail = os.path.split(text)
    if ((head or "." in tail) and os.path.exists(text)) or (tail.endswith(".txt") and "," not in text):
        return _from_file(Path(text))
    if ONE_WORD.fullmatch(text) and (near := difflib.get_close_matches(text, builtin(), n=1, cutoff=0.7)):
        # a lone word so like a list's name is hardly a label
        raise UserError(
            f"unknown label list {text!r}: did you mean {near[0]!r}? `ms-ovs vocab list` shows them all"
        )
    return _unique(_vocabulary(text.split(",") if text else [], IN_STRING, "label"))


@functools.cache
def builtin() -> tuple[str, ...]:
    """The names of the lists that ship with the package."""
    here = [(entry.name, entry) for entry in _folder().iterdir()]
    nested = [(f"{name}/{e.name}", e) for name, entry in here if entry.is_dir() for e in entry.iterdir()]
    return tuple(sorted(name.removesuffix(".txt") for name, _ in here + nested if name.endswith(".txt")))


def _folder():
    return resources.files(__package__).joinpath("lists")


def _from_file(path: Path) -> Vocabulary:
    lines = read_lines(path, "label file")
    if len(lines) == 1 and "," in lines[0]:
        # Read by the rule this would be one class of many synonyms; nobody segments by one class.
        raise UserError(
            f"label file {str(path)!r} has a single line with commas, which separate synonyms in a file: "
            "write one class a line"
        )
    return _unique(_vocabulary(lines, IN_FILE, f"{path.name}, line"))


def _vocabulary(entries: Iterable[str], separator: re.Pattern, unit: str) -> Vocabulary:
    synonyms = tuple(tuple(word.strip() for word in separator.split(entry)) for entry in entries)
    if not synonyms:
        raise UserError('no labels: give at least one word, as in "cat, grass, other"')
    for number, group in enumerate(synonyms, 1):
        if not all(group):
            fault = "has an empty synonym" if any(group) else "is empty"
            raise UserError(
                f"{unit} {number} of {len(synonyms)} {fault}: write a word there, or remove the separator"
            )
    return Vocabulary(tuple(group[0] for group in synonyms), synonyms)


def _unique(vocabulary: Vocabulary) -> Vocabulary:
    """`vocabulary`, unless it holds a label twice (CLIP ignores letter case and runs of blanks, so do we)."""
    seen: dict[str, int] = {}
    for number, group in enumerate(vocabulary.synonyms, 1):
        for word in group:
            key = " ".join(word.lower().split())
            if first := seen.get(key):
                where = f"classes {first} and {number}" if first != number else f"class {number}"
                raise UserError(f"label {word!r} is there twice ({where}): name each label once")
            seen[key] = number
    return vocabulary
