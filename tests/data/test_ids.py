"""The rule of ids, and what it makes of the usual mistakes."""

import pickle

import numpy as np
import pytest

from ms_ovs.data.ids import IdRule
from ms_ovs.errors import UserError

ADE = IdRule(3, offset=1, ignore=[0])
SHIFTED = IdRule(3, ignore=[255])


def array(*values, dtype=np.uint8):
    return np.array([values], dtype)


def test_offset_and_ignore():
    target = ADE(array(0, 1, 2, 3), "map")
    assert target.tolist() == [[-1, 0, 1, 2]] and target.dtype == np.int32
    assert SHIFTED(array(255, 0, 2), "map").tolist() == [[-1, 0, 2]]


def test_table_of_16_bits():
    rule = IdRule(3, table={7: 0, 11: 1, 40000: 2}, ignore=[0, 65535])
    assert rule(array(7, 11, 40000, 65535, 0, dtype=np.uint16), "map").tolist() == [[0, 1, 2, -1, -1]]
    with pytest.raises(UserError, match="holds 8; values are the table's, or 0 or 65535 for ignored pixels"):
        rule(array(7, 8, dtype=np.uint16), "map")


def test_a_value_can_be_ignored_that_the_offset_would_take():
    assert IdRule(3, ignore=[1])(array(0, 1, 2), "map").tolist() == [[0, -1, 2]]


@pytest.mark.parametrize(
    ("rule", "values", "message"),
    [
        (
            ADE,
            (1, 2, 255),
            "map holds 255; values are 1 to 3, or 0 for ignored pixels: they look shifted already",
        ),
        (SHIFTED, (0, 1, 3), "holds 3; values are 0 to 2, or 255 .* seem to begin at 1, set offset 1"),
        (IdRule(3, offset=1), (0, 1), "holds 0; values are 1 to 3: 0 seems to stand for unlabelled"),
        (IdRule(3), (0, 255), "255 mostly stands for unlabelled, add it to ignore"),
        (ADE, (0, 9, 8, 7, 6), "holds 6, 7, 8, …; .* check the label list, offset, table and ignore"),
        (IdRule(300), (299,), None),
    ],
)
def test_broken_rules(rule, values, message):
    if message is None:
        assert rule(array(*values, dtype=np.uint16), "map").tolist() == [list(values)]
        return
    with pytest.raises(UserError, match=message):
        rule(array(*values), "map")


def test_a_table_to_classes_that_there_are_not():
    with pytest.raises(UserError, match="leads to class 3; classes go from 0 to 2"):
        IdRule(3, table={1: 0, 2: 3})


def test_goes_to_worker_processes():
    assert pickle.loads(pickle.dumps(ADE))(array(0, 3), "map").tolist() == [[-1, 2]]


def test_no_pixels():
    assert ADE(np.zeros((0, 4), np.uint8), "map").shape == (0, 4)
