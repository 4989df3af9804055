"""The adapter of `lseg/transforms`: every output to the last bit, and draws that do not fit."""

import copy
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.parity import schema
from ms_ovs.parity.adapters import lseg_data
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import MET, compare

CASE = Case.open(Path(__file__).parents[1] / "reference/lseg/transforms")


def test_every_output_is_exact():
    schema.read(CASE.folder / "case.json", lseg_data.TransformsCase)
    ours = lseg_data.transforms(CASE)
    assert ours.keys() == CASE.descriptions.keys()
    rows = [compare(CASE, output, array) for output, array in ours.items()]
    assert all((row.status, row.error) == (MET, 0) for row in rows), rows


def test_a_wrong_draw_is_seen():
    spec = copy.deepcopy(dict(CASE.spec))
    spec["draws"]["train_large"]["integer_draws"][1]["value"] += 1
    moved = lseg_data.transforms(Case(CASE.folder, spec))
    assert compare(CASE, "train_large.target", moved["train_large.target"]).status != MET
    assert np.isfinite(moved["train_large.image"]).all()
    spec["draws"]["train_large"]["integer_draws"][2]["value"] = 110
    with pytest.raises(UserError, match="a draw beyond its limits"):
        lseg_data.transforms(Case(CASE.folder, spec))
    spec["draws"]["train_large"]["integer_draws"][2]["high_inclusive"] = 7
    with pytest.raises(UserError, match="the transform draws from 0 to 109, the case recorded"):
        lseg_data.transforms(Case(CASE.folder, spec))
