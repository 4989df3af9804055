"""The photograph with coloured classes and its legend."""

import numpy as np
import pytest

from ms_ovs import viz
from ms_ovs.viz import overlays


@pytest.mark.parametrize("size", [(300, 450), (3, 2), (1, 1), (1200, 90), (90, 1200), (97, 120)])
def test_overlay_of_any_size_has_a_panel_on_the_right(size):
    labels = np.arange(size[0] * size[1]).reshape(size) % 3
    picture = viz.overlay(np.zeros((*size, 3), np.uint8), labels, ["cat", "grass", "other"])
    zoom = max(1, -(-overlays.SMALL_PHOTO // max(size)))
    assert picture.mode == "RGB"
    assert picture.width > size[1] * zoom and picture.height >= size[0] * zoom
    panel = np.array(picture)[:, size[1] * zoom :]
    for colour in viz.palette(3)[np.unique(labels)]:
        assert (panel == colour).all(-1).any(), "each class has its swatch"


def test_overlay_mixes_colour_and_photograph():
    photo = np.full((400, 400, 3), 100, np.uint8)
    labels = np.zeros((400, 400), np.int32)
    for alpha, expected in ((0.0, [100, 100, 100]), (0.5, (viz.palette(1)[0].astype(int) + 100) // 2)):
        pixel = np.array(viz.overlay(photo, labels, ["cat"], alpha=alpha))[200, 200]
        assert np.abs(pixel - np.array(expected)).max() <= 1


def lines(shares, names=None, photo=(640, 480)):
    names = names or [f"name {label}" for label in range(len(shares))]
    return overlays._Legend.of(photo, np.array(shares), names)


def test_legend_is_sorted_and_counts_the_rest():
    legend = lines([0.2, 0.0, 0.7994, 0.0003, 0.0003])
    assert legend.lines == [(2, "name 2", "79.9 %"), (0, "name 0", "20.0 %"), (None, "2 more", "0.1 %")]


def test_legend_of_a_photograph_where_every_share_is_tiny():
    legend = lines([1 / 5000] * 5000)
    assert legend.lines[-1][1].endswith("more")


def test_legend_without_room_counts_what_it_leaves_out():
    legend = lines([1 / 200] * 200)
    shown = [line for line in legend.lines if line[0] is not None]
    assert legend.lines[-1][1] == f"{200 - len(shown)} more"
    assert legend.size[1] <= 480


def test_long_names_are_cut():
    legend = lines([1.0], ["chest of drawers with far too many words to be shown"])
    assert legend.lines[0][1].startswith("chest of") and legend.lines[0][1].endswith("…")
    assert legend.name_width <= overlays.NAME_WIDTH * legend.unit


@pytest.mark.parametrize(
    ("name", "shown"),
    [("猫", "class 0"), ("café", "cafe"), ("🐱", "class 0"), ("two\nlines", "two lines"), ("", "")],
)
def test_names_that_the_font_lacks(name, shown):
    assert lines([1.0], [name]).lines[0][1] == shown
    viz.overlay(np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), int), [name])


def test_letters_grow_with_the_photograph():
    assert lines([1.0], photo=(4000, 3000)).unit > 3 * lines([1.0], photo=(640, 480)).unit
    assert lines([1.0], photo=(100, 80)).unit >= 13


@pytest.mark.parametrize(
    ("share", "text"), [(1, "100.0 %"), (0.1234, "12.3 %"), (0.001, "0.1 %"), (1e-5, "< 0.1 %")]
)
def test_percent(share, text):
    assert viz.percent(share) == text
