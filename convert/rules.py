"""The mapping engine: a table of name patterns that is read both ways.

In a pattern `{}` stands for a number and `{*}` for anything; what they matched fills the places of the
other side in order. Every name must be matched by exactly one rule.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from convert.hooks import KEEP, Hook

CARRIED = "carried."
_PLACE = re.compile(r"\{\*?\}")


@dataclass(frozen=True)
class Rule:
    """`sources` become `targets` by way of `hook`; the patterns have the same places on both sides.

    `carried` marks what the network never uses: it is kept under "carried." for the way back, or dropped.
    """

    sources: tuple[str, ...]
    targets: tuple[str, ...]
    hook: Hook = KEEP
    carried: bool = False

    def turned(self) -> "Rule":
        """The rule of the way back."""
        return Rule(
            self.targets, self.sources, self.hook.turned() if self.hook != KEEP else KEEP, self.carried
        )

    def under(self, prefix: str) -> "Rule":
        """The same rule for sources that lie under `prefix`."""
        sources = tuple(prefix + source for source in self.sources)
        return carry(*sources) if self.carried else Rule(sources, self.targets, self.hook)


def rule(source: str, target: str, hook: Hook = KEEP) -> Rule:
    """One tensor becomes one tensor."""
    return Rule((source,), (target,), hook)


def carry(source: str) -> Rule:
    """What matches `source` is of no use to the network."""
    return Rule((source,), (CARRIED + source,), carried=True)


@dataclass(frozen=True)
class Step:
    """A rule at work: the names it takes and the names it makes."""

    rule: Rule
    sources: tuple[str, ...]
    targets: tuple[str, ...]


@dataclass
class Plan:
    """What a table does with a set of names: steps, names without a rule, and names that a rule lacks."""

    steps: list[Step] = field(default_factory=list)
    stray: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Table:
    """The rules of one system in one naming ("openai", "transformers", …).

    `partial` says that files of this naming hold a part of a network, so that the way back leaves out the
    rest.
    """

    system: str
    naming: str
    rules: Sequence[Rule]
    partial: bool = False

    @cached_property
    def _patterns(self) -> list[tuple[re.Pattern, Rule, int]]:
        return [
            (_compiled(pattern), rule, part)
            for rule in self.rules
            for part, pattern in enumerate(rule.sources)
        ]

    @cached_property
    def turned(self) -> "Table":
        """The table of the way back."""
        return Table(self.system, self.naming, [rule.turned() for rule in self.rules], self.partial)

    def matches(self, name: str) -> list[tuple[Rule, int, tuple[str, ...]]]:
        """Every rule that takes `name`, which of its sources that is, and what the places stand for."""
        found = ((pattern.fullmatch(name), rule, part) for pattern, rule, part in self._patterns)
        return [(rule, part, match.groups()) for match, rule, part in found if match]

    def plan(self, names: Iterable[str]) -> Plan:
        """Sort `names` into steps. A name that two rules take is a mistake in the table: ValueError."""
        plan = Plan()
        groups: dict[tuple[Rule, tuple[str, ...]], set[int]] = {}
        for name in names:
            found = self.matches(name)
            if len(found) > 1:
                raise ValueError(f"{self.naming}: {len(found)} rules take {name!r}")
            if not found:
                plan.stray.append(name)
                continue
            ((rule, part, places),) = found
            groups.setdefault((rule, places), set()).add(part)
        for (rule, places), parts in groups.items():
            sources = tuple(_filled(pattern, places) for pattern in rule.sources)
            if len(parts) == len(sources):
                plan.steps.append(Step(rule, sources, tuple(_filled(name, places) for name in rule.targets)))
            else:
                plan.lacking += [name for part, name in enumerate(sources) if part not in parts]
        return plan

    def sources_of(self, target: str) -> tuple[str, ...]:
        """The source names that make `target`; empty when no rule does."""
        # not a plan: of a rule that makes several tensors this is one alone
        return next(
            (
                tuple(_filled(name, places) for name in rule.targets)
                for rule, _, places in self.turned.matches(target)
            ),
            (),
        )


def _compiled(pattern: str) -> re.Pattern:
    literal = map(re.escape, _PLACE.split(pattern))
    places = [r"(.+)" if place == "{*}" else r"(0|[1-9]\d*)" for place in _PLACE.findall(pattern)]
    return re.compile("".join(part for pair in zip(literal, [*places, ""], strict=True) for part in pair))


def _filled(pattern: str, places: tuple[str, ...]) -> str:
    values = iter(places)
    return _PLACE.sub(lambda _: next(values), pattern)
