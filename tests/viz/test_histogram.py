"""Bars of how often classes occur: their order, lengths and axes, and that nothing is cut."""

import numpy as np
import pytest
from PIL import ImageColor

from ms_ovs.viz import histogram
from ms_ovs.viz.histogram import BARS, class_histogram


@pytest.fixture
def figures(monkeypatch):
    """The figures that are drawn."""
    made = []
    figure = histogram.Figure
    monkeypatch.setattr(
        histogram, "Figure", lambda *args, **named: made.append(figure(*args, **named)) or made[-1]
    )
    return made


def words(axes):
    return [label.get_text() for label in axes.get_yticklabels()]


def lengths(axes):
    return [bar.get_x() + bar.get_width() for bar in axes.patches]


def test_the_most_pixels_first(figures):
    names, pixels, images = ["sky", "cat", "a $x$ b"], np.array([50, 400, 0]), np.array([7, 2, 0])
    picture = np.array(class_histogram(names, pixels, images, title="set", numbers=[4, 9, 11]))
    left, right = figures[0].axes
    assert words(left) == ["cat  9", "sky  4", "a $x$ b  11"] and set(words(right)) == {""}
    assert lengths(left) == [400, 50, 0] and lengths(right) == [2, 7, 0]
    assert (left.get_xlabel(), right.get_xlabel()) == ("pixels", "images")
    assert [text.get_text().strip() for text in left.texts] == ["none"]
    colours = [(picture == ImageColor.getrgb(colour)).all(-1).sum() for colour in BARS.values()]
    assert min(colours) > 100, "both kinds of bars are there"


def test_counts_far_apart_have_a_logarithmic_axis_that_says_so(figures):
    pixels, images = np.array([10**8, 3 * 10**3]), np.array([1000, 1])
    class_histogram(["wall", "fork"], pixels, images, title="set")
    left, right = figures[0].axes
    assert left.get_xscale() == right.get_xscale() == "log"
    assert (left.get_xlabel(), right.get_xlabel()) == ("pixels, log scale", "images, log scale")
    assert lengths(left) == pytest.approx([10**8, 3 * 10**3])
    assert left.get_xlim()[0] == 1000 and right.get_xlim()[0] < 1 < right.get_xlim()[1]


@pytest.mark.parametrize("count", [1, 20, 110, 111, 223, pytest.param(847, marks=pytest.mark.slow)])
def test_columns_are_equally_filled_and_nothing_is_cut(figures, count):
    rng = np.random.default_rng(0)
    names = [f"a name of many letters {number}" for number in range(count)]
    pixels = rng.integers(0, 10**9, count)
    picture = class_histogram(names, pixels, pixels // 10**6, title="set", remark="a few words")
    (figure,) = figures
    columns = figure.axes[::2]
    rows = [len(words(axes)) for axes in columns]
    assert sum(rows) == count and max(rows) <= histogram.ROWS
    assert len(rows) == -(-count // histogram.ROWS) and max(rows) - min(rows) < len(rows)
    assert len({axes.get_xlim() for axes in columns}) == 1, "bars of all columns can be compared"
    assert [word for axes in columns for word in words(axes)] == [
        f"{names[n][:25].rstrip()}…  {n}" if len(names[n]) > 26 else f"{names[n]}  {n}"
        for n in np.argsort(-pixels, kind="stable")
    ]
    edge = np.array(picture)[:, :4]
    assert (edge == 255).all(), "the names end before the edge"
    texts = [text.get_window_extent() for axes in columns for text in axes.get_yticklabels()]
    for left, text in zip(
        columns[1:], [t for a in columns[1:] for t in a.get_yticklabels()[:1]], strict=True
    ):
        neighbour = figure.axes[figure.axes.index(left) - 1]
        assert text.get_window_extent().x0 > neighbour.get_window_extent().x1
    heights = {round(box.height) for box in texts}
    assert max(heights) <= histogram.ROW * histogram.DPI, "lines do not overlap"


def test_nothing_was_counted():
    nothing = np.zeros(3, np.int64)
    assert class_histogram(["a", "b", "c"], nothing, nothing, title="set").width > 100
