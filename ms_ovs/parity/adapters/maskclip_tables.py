"""Cases of the names that the authors' conversion scripts give to tensors: `maskclip/convert`.

They hold no numbers. Our way from the one naming to the other goes through our own names; it must lead to the
same places, with the same changes of layout.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, NonNegativeInt

from convert import Entry, variants
from convert.rules import Step, Table
from convert.tables import TABLES
from ms_ovs.errors import UserError, choose
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.maskclip import FloatTolerance
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import MET, NOT_MET, Row
from ms_ovs.parity.fill import fill

COUNTS = "num_batches_tracked"  # of no use: both namings know them, and neither is ours
VISUAL = "visual."
# A table of the case → our system and variant, the naming of its sources and that of its targets.
KNOWN = {
    **{name: ("maskclip", name, "openai", "weights") for name in ("RN50", "RN101", "RN50x4", "RN50x16")},
    "ViT32": ("maskclip", "ViT-B/32", "openai", "weights"),
    "ViT16": ("maskclip", "ViT-B/16", "openai", "weights"),
    "mit": ("mit", "mit_b0", "nvidia", "mmsegmentation"),
}
CHANGES: dict[str, Callable[[list[np.ndarray], tuple], np.ndarray]] = {
    "same": lambda arrays, shape: arrays[0],
    "transpose": lambda arrays, shape: arrays[0].T,
    "reshape": lambda arrays, shape: arrays[0].reshape(shape),
    "concatenate": lambda arrays, shape: np.concatenate(arrays),
}
Route = tuple[Step, list[Step]]  # ours → theirs, and what makes each of ours


class Pattern(BaseModel):
    """Names of sources and of the target, with places such as {s} in both, and how many tensors fit."""

    source: str
    target: str
    operation: str
    tensors: NonNegativeInt


class NamesTable(BaseModel):
    """The patterns of one network, and the names that have no target."""

    patterns: Annotated[list[Pattern], schema.AtLeastOne]
    dropped: list[str] = Field(default_factory=list)
    source_tensors_visual: NonNegativeInt | None = None


class TablesCase(schema.Case):
    """`maskclip/convert`"""

    outputs: dict[str, str]
    tables: Annotated[dict[str, NamesTable], schema.AtLeastOne]
    tolerance: FloatTolerance


def rows(case: Case) -> list[Row]:
    """For each table the number of patterns that lead elsewhere."""
    return [_row(name, NamesTable.model_validate(table)) for name, table in case.spec["tables"].items()]


def _row(name: str, table: NamesTable) -> Row:
    routes = _Routes(*KNOWN[choose("table", name, KNOWN)])
    wrong = [pattern.source for pattern in table.patterns if not routes.fit(pattern)]
    wrong += [dropped for dropped in table.dropped if not routes.drops(dropped)]
    if table.source_tensors_visual is not None:
        listed = sum(pattern.tensors for pattern in table.patterns) + len(table.dropped)
        wrong += ["source_tensors_visual"] if listed != table.source_tensors_visual else []
    note = f"patterns of names, first wrong {wrong[0]!r}" if wrong else "patterns of names"
    return Row(name, float(len(wrong)), 0.0, NOT_MET if wrong else MET, note)


class _Routes:
    """From the names of one naming to those of another, through ours."""

    def __init__(self, system: str, variant: str, here: str, there: str):
        self.shapes = variants.expected(variants.VARIANTS[system][variant])
        self.here, self.there = (self._table(system, naming) for naming in (here, there))
        self.routes: dict[str, Route] = {}
        for step in self.there.turned.plan(self.shapes).steps:
            (target,) = step.targets
            self.routes[target] = step, self.here.turned.plan(step.sources).steps

    def _table(self, system: str, naming: str) -> Table:
        """The table of a naming that knows most of the network's names."""
        tables = [table for table in TABLES if (table.system, table.naming) == (system, naming)]
        if not tables:
            raise UserError(f"there is no table of {system} for names of {naming}")
        return max(tables, key=lambda table: len(table.turned.plan(self.shapes).steps))

    def fit(self, pattern: Pattern) -> bool:
        """Whether all names that fit the pattern's target come from its sources, by its operation."""
        target = pattern.target.replace("/", ".")
        sources = _sources(pattern.source)
        if target.endswith(COUNTS):
            return self._counted(pattern, target, sources[0])
        found = list(_matches(target, self.routes))
        if len(found) != pattern.tensors:
            return False
        for name, places in found:
            made = [part for step in self.routes[name][1] for part in step.targets]
            if made != [_filled(source, places) for source in sources]:
                return False
        return self._same_numbers(found[0][0], pattern.operation)

    def _counted(self, pattern: Pattern, target: str, source: str) -> bool:
        """Whether both namings know these counts of batches as what nobody uses."""
        statistics = target.replace(COUNTS, "running_var")
        found = list(_matches(statistics, self.routes))
        names = [(_filled(target, places), self.there) for _, places in found]
        names += [(_filled(source, places), self.here) for _, places in found]
        carried = (table.matches(name) and table.matches(name)[0][0].carried for name, table in names)
        return all(carried) and len(found) == pattern.tensors

    def drops(self, name: str) -> bool:
        """Whether a name of the source is carried along, or unknown, so that nothing is made of it."""
        return all(rule.carried for rule, *_ in self.here.matches(name))

    def _same_numbers(self, target: str, operation: str) -> bool:
        """Whether drawn numbers arrive as the operation says."""
        out, steps = self.routes[target]
        ours: dict[str, Entry] = {}
        sources = []
        for step in steps:
            blank = [Entry.of(np.zeros(self.shapes[name], np.float32)) for name in step.sources]
            shapes = [entry.shape for entry in step.rule.hook.apply(blank, len(step.targets))]
            drawn = [fill(name, shape) for name, shape in zip(step.targets, shapes, strict=True)]
            sources += drawn
            made = step.rule.turned().hook.apply([Entry.of(array) for array in drawn], len(step.sources))
            ours |= zip(step.sources, made, strict=True)
        (result,) = out.rule.hook.apply([ours[name] for name in out.sources], 1)
        change = CHANGES[choose("operation", operation.split()[0], CHANGES)]
        return np.array_equal(result.read(), change(sources, result.shape))


def _sources(text: str) -> list[str]:
    """The patterns of "a.b.q + b.kv", of which the second is short for a.b.kv."""
    first, *others = text.split(" + ")
    parts = first.split(".")
    return [first, *(".".join([*parts[: len(parts) - other.count(".") - 1], other]) for other in others)]


PLACE = re.compile(r"\{(\w+)(-1)?\}")


def _matches(pattern: str, names: Mapping) -> Iterator[tuple[str, dict[str, int]]]:
    """Names that fit a pattern, and the numbers at its places; {s-1} is one less than {s}."""
    literal = PLACE.split(pattern)
    text, seen = "", []
    for part, letter, less in zip(literal[::3], [*literal[1::3], None], [*literal[2::3], None], strict=True):
        text += re.escape(part)
        if letter:
            text += r"(\d+)"
            seen.append((letter, 1 if less else 0))
    compiled = re.compile(text)
    for name in names:
        if match := compiled.fullmatch(name):
            numbers = map(int, match.groups())
            yield name, {letter: number + more for (letter, more), number in zip(seen, numbers, strict=True)}


def _filled(pattern: str, places: Mapping[str, int]) -> str:
    return PLACE.sub(lambda m: str(places[m.group(1)] - (1 if m.group(2) else 0)), pattern)
