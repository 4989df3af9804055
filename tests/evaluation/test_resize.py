"""Bilinear resizing against a plain loop, and against itself in parts."""

import numpy as np
import pytest

from ms_ovs.evaluation.resize import along, resize, taps


def by_hand(array, height, width):
    """Every value of the result from its four neighbours, in float64."""
    rows, columns = array.shape[1:]
    out = np.empty((len(array), height, width))
    for i in range(height):
        y = i * (rows - 1) / (height - 1) if height > 1 else 0
        for j in range(width):
            x = j * (columns - 1) / (width - 1) if width > 1 else 0
            top, left = min(int(y), rows - 1), min(int(x), columns - 1)
            low, right = min(top + 1, rows - 1), min(left + 1, columns - 1)
            fy, fx = y - top, x - left
            upper = array[:, top, left] * (1 - fx) + array[:, top, right] * fx
            lower = array[:, low, left] * (1 - fx) + array[:, low, right] * fx
            out[:, i, j] = upper * (1 - fy) + lower * fy
    return out


@pytest.mark.parametrize(
    ("source", "target"), [((7, 5), (20, 13)), ((20, 13), (7, 5)), ((1, 9), (4, 1)), ((6, 1), (1, 8))]
)
def test_resize_is_bilinear_with_aligned_corners(source, target):
    array = np.random.default_rng(0).standard_normal((3, *source), dtype=np.float32)
    out = resize(array, *target)
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, by_hand(array, *target), atol=1e-5)


def test_corners_stay_and_the_same_size_is_the_same():
    array = np.random.default_rng(1).standard_normal((2, 11, 17), dtype=np.float32)
    out = resize(array, 40, 50)
    np.testing.assert_array_equal(
        out[:, [0, 0, -1, -1], [0, -1, 0, -1]], array[:, [0, 0, -1, -1], [0, -1, 0, -1]]
    )
    np.testing.assert_array_equal(resize(array, 11, 17), array)


def test_a_part_of_the_taps_gives_that_part():
    array = np.random.default_rng(2).standard_normal((2, 9, 4), dtype=np.float32)
    at = taps(9, 31)
    np.testing.assert_array_equal(along(array, 1, at.part(10, 20)), along(array, 1, at)[:, 10:20])
