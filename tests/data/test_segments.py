"""Panoptic maps and what is wrong with them."""

import numpy as np
import pytest

from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError


def made(ids, *segments):
    return PanopticMap(np.array(ids, np.int32), tuple(Segment(number, 0) for number in segments))


def test_places_are_those_of_the_list():
    panoptic = made([[7, 0, 16777215], [7, 7, 3]], 16777215, 7, 3)
    assert panoptic.places.tolist() == [[2, 0, 1], [2, 2, 3]] and panoptic.shape == (2, 3)
    assert made([[0, 0]]).places.tolist() == [[0, 0]]


@pytest.mark.parametrize(
    ("ids", "segments", "rule"),
    [
        ([[1, 2, 9]], (1, 2), "holds segment 9, which is not listed"),
        ([[1, 1]], (1, 9), "segment 9 is listed and has no pixel"),
        ([[1, 1]], (1, 1), "segment 1 is listed twice"),
        ([[1, 0]], (1, 0), "segment id 0: ids begin at 1"),
        ([[1, -1]], (1,), "holds id -1"),
    ],
)
def test_segments_are_those_of_the_map(ids, segments, rule):
    with pytest.raises(UserError, match=rule):
        _ = made(ids, *segments).places
