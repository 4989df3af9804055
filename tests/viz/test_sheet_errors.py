"""What contact sheets refuse."""

from dataclasses import replace

import numpy as np
import pytest

from ms_ovs import viz
from ms_ovs.errors import UserError

NAMES = ["sky", "tree", "house", "road", "car"]


def sample(**parts):
    """A sample of one class, with other parts where they are given."""
    empty = viz.Sample(
        np.zeros((64, 64, 3), np.uint8), np.zeros((64, 64), np.int32), np.zeros((64, 64), np.int32), "a"
    )
    return replace(empty, **parts)


def test_no_samples():
    with pytest.raises(UserError, match="0 samples: give at least one"):
        viz.contact_sheet([], NAMES)


def test_no_columns():
    with pytest.raises(UserError, match="0 columns: give 1 or more"):
        viz.contact_sheet([sample()], NAMES, columns=0)


@pytest.mark.parametrize("part", ["image", "truth", "prediction"])
def test_pictures_of_different_sizes(part):
    odd = sample(name="b")
    odd = replace(odd, **{part: getattr(odd, part)[:, :60]})
    with pytest.raises(UserError, match=r"'b': photo .*60×64.* one size"):
        viz.contact_sheet([sample(), odd], NAMES)


@pytest.mark.parametrize(
    ("label", "part"), [(5, "truth"), (5, "prediction"), (-2, "truth"), (-2, "prediction")]
)
def test_classes_without_name(label, part):
    odd = sample(**{part: np.full((64, 64), label, np.int32)})
    with pytest.raises(UserError, match=rf"'a': {part} has class {label}, but the 5 names are for 0 to 4"):
        viz.contact_sheet([odd], NAMES)


def test_predictions_for_some_samples():
    with pytest.raises(UserError, match="'b' has no prediction, others have"):
        viz.contact_sheet([sample(), sample(name="b", prediction=None)], NAMES)
