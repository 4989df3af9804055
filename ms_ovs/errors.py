"""The one kind of error that a user can mend, and the search for the name they meant."""

import difflib
from collections.abc import Iterable


class UserError(Exception):
    """Bad input. Commands print it as one line and leave with status 2.

    The message states the value met, the rule it breaks and how to mend it.
    """


def nearest(name: str, known: Iterable[str], count: int = 1) -> list[str]:
    """At most `count` of the `known` names, those most like `name` first, in whatever letter case."""
    folded = {other.casefold(): other for other in known}
    return [folded[key] for key in difflib.get_close_matches(name.casefold(), folded, n=count, cutoff=0.4)]


def choose(what: str, name: str, known: Iterable[str]) -> str:
    """`name` if it is one of the `known` names, else a `UserError` that offers the nearest one."""
    known = list(known)
    if name in known:
        return name
    near = nearest(name, known)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise UserError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}")
