"""The table and the places where it is put."""

from pathlib import Path

import pytest

from benchmarks import document
from benchmarks.rows import BYTES, RATE, Goal, Row
from benchmarks.suites import SUITES
from ms_ovs.errors import UserError

PAGE = "# Page\n<!-- benchmarks a: begin -->\nold\n<!-- benchmarks a: end -->\nprose\n"


def cells(row):
    return [cell.strip() for cell in document.table([row]).splitlines()[-1].strip("|").split("|")]


def test_a_full_row():
    row = Row(what="towers", ours=[0.2], other_name="torch", other=[0.1], goal=Goal("ratio", 1.0), floor=0.05)
    assert cells(row) == [
        *("towers", "200 ms", "torch", "100 ms", "2.00", "ratio ≤ 1", "**not met**", "50.0 ms (×4.0)"),
        "1 / 1",
    ]


def test_a_row_alone_says_nothing_of_others():
    row = Row(what="memory", ours=[2e8, 3e8], unit=BYTES, goal=Goal("ours", 1e9))
    assert cells(row) == ["memory", "250 MB", "–", "–", "–", "≤ 1.00 GB", "yes", "–", "2"]


def test_a_row_of_rates_with_a_goal_from_below():
    row = Row(
        what="two", ours=[9.5], other_name="one", other=[10.0], unit=RATE, goal=Goal("ratio", 0.9, True)
    )
    assert cells(row)[1:7] == ["9.50 images/s", "one", "10.0 images/s", "0.95", "ratio ≥ 0.9", "yes"]


def test_every_line_has_the_cells_of_the_head():
    lines = document.table([Row(what="x", ours=[1.0]), Row(what="y", ours=[1.0], other=[2.0])]).splitlines()
    assert len({line.count("|") for line in lines}) == 1


def test_only_what_is_between_the_markers_changes():
    once = document.replaced(PAGE, "a", r"new \1 table")
    assert once == PAGE.replace("old", r"new \1 table")
    assert document.replaced(once, "a", "old") == PAGE


@pytest.mark.parametrize(
    "text",
    [
        "nothing",
        PAGE.replace("a: end", "b: end"),
        PAGE + PAGE,
        "<!-- benchmarks a: end -->\n<!-- benchmarks a: begin -->\n",
    ],
)
def test_missing_doubled_or_turned_markers_are_an_error(text):
    with pytest.raises(UserError, match="benchmarks a: begin"):
        document.replaced(text, "a", "new")


def test_the_page_has_a_place_for_every_suite():
    text = (Path(__file__).parents[2] / "docs/performance.md").read_text("utf-8")
    for name in SUITES:
        assert "new" in document.replaced(text, name, "new")
