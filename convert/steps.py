"""A plan's steps at work, and the checks of names, shapes and dtypes around them."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from convert.rules import Plan, Step, Table
from convert.tensors import FLOATS, Entry
from ms_ovs.errors import UserError, nearest

_LISTED = 8  # names of one kind in an error


def run(steps: Iterable[Step], tensors: Mapping[str, Entry]) -> dict[str, Entry]:
    """The tensors that the steps make, by target name, still unread."""
    made: dict[str, Entry] = {}
    for step in steps:
        try:
            entries = step.rule.hook.apply([tensors[name] for name in step.sources], len(step.targets))
        except UserError as error:
            raise UserError(f"{_quoted(step.sources)}: {error}") from error
        for target, entry in zip(step.targets, entries, strict=True):
            if target in made:
                raise UserError(f"{_quoted(step.sources)} and another both become {target!r}: one must go")
            made[target] = entry
    return made


def check_names(
    table: Table,
    plan: Plan,
    names: Collection[str],
    expected: Collection[str],
    label: str,
    *,
    outside: Sequence[str] = (),
) -> None:
    """See that the plan for the source's `names` makes the `expected` targets and nothing else.

    `outside` are further names in the file, all of them stray. Raises `UserError` with the nearest names.
    """
    used = [step for step in plan.steps if not step.rule.carried]
    made = {target for step in used for target in step.targets}
    extra = [name for step in used for name in step.sources if not any(t in expected for t in step.targets)]
    wanted = (name for target in expected if target not in made for name in table.sources_of(target))
    missing = dict.fromkeys([*plan.lacking, *(name for name in wanted if name not in names)])
    if outside or plan.stray or extra or missing:
        known = [name for target in expected for name in table.sources_of(target)]
        raise names_error(label, [*outside, *plan.stray, *extra], list(missing), known)


def check_tensors(
    steps: Sequence[Step],
    entries: Mapping[str, Entry],
    expected: Mapping[str, tuple[int, ...]],
    label: str,
    of_sources: bool = False,
) -> None:
    """Shape and dtype of our tensors: the steps' targets or, with `of_sources`, their sources."""
    for step in steps:
        for name in step.sources if of_sources else step.targets:
            entry = entries[name]
            hook = f" after {step.rule.hook.name}" if step.rule.hook.name and not of_sources else ""
            if entry.shape != expected[name]:
                raise UserError(
                    f"{_quoted(step.sources)}{hook} has shape {entry.shape}; {label} has {expected[name]}: "
                    "give a checkpoint of that network"
                )
            if entry.dtype not in FLOATS:
                raise UserError(
                    f"{_quoted(step.sources)} has dtype {entry.dtype}; weights are {'/'.join(sorted(FLOATS))}"
                )


def names_error(label: str, stray: list[str], missing: list[str], known: list[str]) -> UserError:
    """One line that says which names are too many or too few and what they may have been meant to be."""

    def listed(what: str, names: list[str], near_in: list[str]) -> str:
        shown = []
        for name in names[:_LISTED]:
            near = nearest(name, near_in)
            shown.append(repr(name) + (f" (nearest: {near[0]!r})" if near else ""))
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        return f"; {what}: {', '.join(shown)}{more}" if names else ""

    return UserError(
        f"{len(stray)} stray and {len(missing)} missing tensors for {label}"
        + listed("stray", stray, missing or known)
        + listed("missing", missing, stray)
    )


def _quoted(names: Sequence[str]) -> str:
    return f"tensor {' + '.join(map(repr, names))}"
