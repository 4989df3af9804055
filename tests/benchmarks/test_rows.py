"""Medians, ratios, goals, and how a quantity reads."""

import pytest

from benchmarks.rows import BYTES, RATE, SECONDS, Goal, Row, quantity


def test_ratio_is_that_of_the_medians():
    row = Row(what="x", ours=[1.0, 9.0, 2.0], other=[4.0, 4.0, 100.0])
    assert (row.value, row.other_value, row.ratio) == (2.0, 4.0, 0.5)


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (None, None),
        (Goal("ratio", 0.5), True),
        (Goal("ratio", 0.49), False),
        (Goal("ours", 2.0), True),
        (Goal("ours", 1.9), False),
    ],
)
def test_a_goal_is_a_limit_from_above(goal, met):
    assert Row(what="x", ours=[2.0], other=[4.0], goal=goal).met is met


@pytest.mark.parametrize(
    ("goal", "met"),
    [
        (Goal("ratio", 0.5, least=True), True),
        (Goal("ratio", 0.51, least=True), False),
        (Goal("ours", 2.0, least=True), True),
        (Goal("ours", 2.1, least=True), False),
    ],
)
def test_a_goal_may_be_a_limit_from_below(goal, met):
    assert Row(what="x", ours=[2.0], other=[4.0], unit=RATE, goal=goal).met is met


@pytest.mark.parametrize("least", [False, True])
def test_a_goal_on_a_ratio_is_not_met_without_the_other_side(least):
    row = Row(what="x", ours=[2.0], goal=Goal("ratio", 0.0 if least else 5.0, least))
    assert row.ratio is None
    assert row.met is False


def test_json_keeps_every_sample():
    row = Row(what="x", ours=[1.0, 3.0], other=[2.0], goal=Goal("ratio", 2.0), floor=0.5)
    content = row.as_json()
    assert content["ours"] == [1.0, 3.0]
    assert content["goal"] == {"on": "ratio", "limit": 2.0, "least": False}
    assert (content["median_ours"], content["ratio"], content["met"]) == (2.0, 1.0, True)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0412, SECONDS, "41.2 ms"),
        (1.874, SECONDS, "1.87 s"),
        (95.4, SECONDS, "95.4 s"),
        (312.4, SECONDS, "312 s"),
        (99.96, SECONDS, "100 s"),
        (2.5e-5, SECONDS, "25.0 µs"),
        (3e-8, SECONDS, "0.03 µs"),
        (8.31e9, BYTES, "8.31 GB"),
        (161e6, BYTES, "161 MB"),
        (0.0, BYTES, "0.00 kB"),
        (0.333, RATE, "0.33 images/s"),
        (83.27, RATE, "83.3 images/s"),
        (1234.0, RATE, "1234 images/s"),
    ],
)
def test_quantity_has_three_digits(value, unit, text):
    assert quantity(value, unit) == text
