"""Rows as a Markdown table, and the places of docs/performance.md where the tables stand."""

import re
from collections.abc import Sequence

from benchmarks.rows import Row, quantity
from ms_ovs.errors import UserError

HEAD = "| what | ours | compared with | theirs | ours / theirs | goal | met | floor | calls |"
RULE = "|---|---:|---|---:|---:|---:|---|---:|---:|"
VERDICT = {None: "–", True: "yes", False: "**not met**"}


def table(rows: Sequence[Row]) -> str:
    """The rows under one head. "–" stands where there is nothing to say."""
    return "\n".join([HEAD, RULE, *map(_line, rows)])


def _line(row: Row) -> str:
    theirs = "–" if row.other_value is None else quantity(row.other_value, row.unit)
    ratio = "–" if row.ratio is None else f"{row.ratio:.2f}"
    floor = "–"
    if row.floor is not None:
        floor = f"{quantity(row.floor, row.unit)} (×{row.value / row.floor:.1f})"
    calls = f"{len(row.ours)} / {len(row.other)}" if row.other else str(len(row.ours))
    cells = [
        *(row.what, quantity(row.value, row.unit), row.other_name or "–", theirs, ratio),
        *(_goal(row), VERDICT[row.met], floor, calls),
    ]
    return f"| {' | '.join(cells)} |"


def _goal(row: Row) -> str:
    if row.goal is None:
        return "–"
    sign = "≥" if row.goal.least else "≤"
    if row.goal.on == "ratio":
        return f"ratio {sign} {row.goal.limit:g}"
    return f"{sign} {quantity(row.goal.limit, row.unit)}"


def replaced(text: str, name: str, content: str) -> str:
    """`text` with `content` between the two marker lines of the suite `name`.

    Raises `UserError` unless both markers are there exactly once, in their order.
    """
    begin, end = f"<!-- benchmarks {name}: begin -->", f"<!-- benchmarks {name}: end -->"
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise UserError(f"the page needs the lines {begin!r} and {end!r}, once each, to hold the table")
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    return re.sub(pattern, lambda _: f"{begin}\n{content}\n{end}", text, flags=re.DOTALL)
