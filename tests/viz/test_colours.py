"""The palette, colours that can be told apart, and label pictures."""

import io

import numpy as np
import pytest
from PIL import Image

from ms_ovs import viz
from ms_ovs.viz.colours import _oklab, tell_apart


def reread(picture):
    buffer = io.BytesIO()
    picture.save(buffer, "png")
    return Image.open(buffer)


def test_palette_is_fixed_and_grows_at_its_end():
    colours = viz.palette(20)
    assert colours.shape == (20, 3) and colours.dtype == np.uint8
    np.testing.assert_array_equal(viz.palette(300)[:20], colours)
    np.testing.assert_array_equal(colours[:3], [[238, 68, 51], [0, 34, 204], [51, 255, 102]])


def test_no_colour_of_a_large_palette_is_there_twice():
    assert len(np.unique(viz.palette(1000), axis=0)) == 1000


def test_the_first_colours_are_far_apart():
    colours = viz.palette(20).astype(int)
    distance = np.abs(colours[:, None] - colours[None]).sum(-1)
    assert distance[~np.eye(20, dtype=bool)].min() > 60


def test_palettes_longer_than_the_colours_repeat():
    assert viz.palette(5000).shape == (5000, 3)


def test_label_picture_with_a_palette():
    labels = np.array([[0, 1], [2, 2]], np.int32)
    picture = reread(viz.label_image(labels, viz.palette(3)))
    assert picture.mode == "P"
    np.testing.assert_array_equal(np.array(picture), labels)
    np.testing.assert_array_equal(np.array(picture.convert("RGB")), viz.palette(3)[labels])


@pytest.mark.parametrize(("count", "mode"), [(256, "P"), (257, "I;16")])
def test_label_picture_of_many_classes(count, mode):
    labels = np.arange(count, dtype=np.int32)[None]
    picture = reread(viz.label_image(labels, viz.palette(count)))
    assert picture.mode == mode
    np.testing.assert_array_equal(np.array(picture), labels)


def distances(count):
    lab = _oklab(viz.palette(count))
    return np.sqrt(((lab[:, None] - lab) ** 2).sum(-1))


def test_classes_of_one_group_get_unlike_colours():
    groups = [range(first, first + 5) for first in range(0, 30, 5)]
    numbers = tell_apart(groups)
    assert sorted(numbers) == sorted(numbers.values()) == list(range(30))
    between = distances(30)

    def nearest(number_of):
        return min(
            between[number_of(a), number_of(b)] for group in groups for a in group for b in group if a != b
        )

    assert nearest(numbers.get) > 1.5 * nearest(lambda label: label)


def test_no_swap_of_two_colours_is_left_that_helps():
    groups = [[0, 1, 2, 3], [3, 4, 5], [5, 6, 7, 0], [1, 7]]
    pairs = {frozenset((a, b)) for group in groups for a in group for b in group if a != b}
    between = distances(8)

    def cost(numbers):
        return sum(1 / between[tuple(numbers[label] for label in pair)] ** 2 for pair in pairs)

    numbers = tell_apart(groups)
    for a in range(8):
        for b in range(a):
            assert cost(numbers) <= cost({**numbers, a: numbers[b], b: numbers[a]}) + 1e-6


def test_given_colours_stay():
    given = tell_apart([[7, 3], [3, 9]])
    numbers = tell_apart([[7, 3, 40], [9, 50]], given)
    assert {label: numbers[label] for label in given} == given
    assert {numbers[40], numbers[50]} == {3, 4}


def test_no_class_no_colour():
    assert tell_apart([]) == tell_apart([[]]) == {}
