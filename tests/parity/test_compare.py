"""A difference must be seen: what is judged, and how."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.parity.case import Case, find_cases
from ms_ovs.parity.compare import INFORMATION, MET, NOT_MET, compare
from ms_ovs.parity.runner import Result, run

REFERENCE = Path(__file__).parents[1] / "reference"
LOGITS = np.random.default_rng(0).standard_normal((4, 6)).astype(np.float32)


@pytest.fixture
def case(tmp_path):
    """A case with a float output (thinned by 2), counts, exact ids and one for information."""
    spec = {
        "kind": "test",
        "inputs": {"input:image": {}, "input:image_wide": {}},
        "tolerance": {"error": 0.001},
        "outputs": {
            "square.logits": "logits (for input:image) [full shape [4, 6], float32]",
            "wide.logits": "logits (for input:image_wide) [full shape [4, 6], float32]",
            "counts": "pixels of each label [full shape [3], int64]",
            "tokens": "ids [full shape [2], int32, exact]",
            "half": "FOR INFORMATION: in float16",
        },
    }
    (tmp_path / "case.json").write_text(json.dumps(spec))
    arrays = {
        "square.logits": LOGITS[::2, ::3],
        "square.logits.stride": np.array([2, 3]),
        "wide.logits": LOGITS,
        "counts": np.array([5000, 3000, 2000]),
        "tokens": np.array([1, 2], np.int32),
        "half": LOGITS,
    }
    np.savez(tmp_path / "outputs.npz", **arrays)
    return Case.open(tmp_path)


def test_same_numbers_are_met(case):
    row = compare(case, "square.logits", LOGITS)
    assert (row.status, row.error) == (MET, 0)


@pytest.mark.parametrize(("shift", "status"), [(0.0009, MET), (0.0011, NOT_MET), (np.nan, NOT_MET)])
def test_error_is_relative_to_the_spread(case, shift, status):
    ours = LOGITS.copy()
    ours[2, 3] += shift * LOGITS[::2, ::3].std()
    row = compare(case, "square.logits", ours)
    assert row.status == status
    assert np.isnan(shift) or row.error == pytest.approx(shift, rel=1e-2)


@pytest.mark.parametrize("ours", [None, LOGITS[:, :4], LOGITS.T])
def test_missing_or_misshapen_is_not_met(case, ours):
    assert compare(case, "wide.logits", ours).status == NOT_MET


def test_counts_may_move_by_ties_only(case):
    assert compare(case, "counts", np.array([4996, 3004, 2000])).status == MET
    assert compare(case, "counts", np.array([4990, 3010, 2000])).status == NOT_MET


def test_counts_of_nothing(case):
    case.arrays["counts"][:] = 0
    assert compare(case, "counts", np.zeros(3, int)).status == MET
    assert compare(case, "counts", np.array([0, 1, 0])).status == NOT_MET


def test_a_lone_number_is_measured_by_its_own_size(case):
    case.arrays["wide.logits"] = np.float32([[50.0]])
    assert compare(case, "wide.logits", np.float32([[50.04]])).status == MET
    assert compare(case, "wide.logits", np.float32([[50.06]])).status == NOT_MET


def test_another_rank_than_the_strides_is_not_met(case):
    assert compare(case, "square.logits", LOGITS[0]).status == NOT_MET


def test_what_is_undefined_for_both_is_left_out(case):
    case.arrays["wide.logits"] = theirs = LOGITS.copy()
    theirs[0, :3] = np.nan
    spread = np.nanstd(theirs)
    ours = theirs.copy()
    ours[2, 2] += 0.0009 * spread
    row = compare(case, "wide.logits", ours)
    assert row.status == MET and row.error == pytest.approx(0.0009, rel=1e-2)
    assert compare(case, "wide.logits", LOGITS).status == NOT_MET, "a number where they have none"
    ours[3, 3] = np.nan
    assert compare(case, "wide.logits", ours).status == NOT_MET, "none where they have a number"
    theirs[:] = np.nan
    assert compare(case, "wide.logits", theirs.copy()).status == MET


@pytest.mark.parametrize(
    ("tolerance", "limit"),
    [
        ("exact", 0),
        ("counts exact; ratios 1e-6", 1e-6),
        ({"error": 0.001}, 0.001),
        ({"float outputs": 1e-6, "match": "exact"}, 1e-6),
        ({"error": "max|ours - theirs| / std(theirs)", "float32_cpu": 1e-4}, 1e-4),
    ],
)
def test_tolerances_as_the_cases_have_them(case, tolerance, limit):
    case.spec["tolerance"] = tolerance
    assert case.tolerance == limit


def test_outputs_of_one_tap_do_not_hide_each_other(case):
    case.spec["outputs"]["again.logits"] = "logits (for input:image) once more"
    assert case.outputs_by_input()["input:image"].items() >= {
        ("square.logits", "logits"),
        ("again.logits", "logits"),
    }


def test_exact_ids_have_no_tolerance(case):
    assert compare(case, "tokens", np.array([1, 2], np.int32)).status == MET
    assert compare(case, "tokens", np.array([1, 3], np.int32)).status == NOT_MET


def test_information_is_shown_but_not_judged(case):
    assert compare(case, "half", None).status == INFORMATION


def test_outputs_find_their_input(case):
    grouped = case.outputs_by_input()
    assert grouped["input:image_wide"] == {"wide.logits": "logits"}
    assert grouped["input:image"]["square.logits"] == "logits"


def test_nothing_compared_is_nothing_proven(case):
    assert not Result(case, [], 0.0).passed
    assert not Result(case, [compare(case, "half", None)], 0.0).passed


def test_weights_of_another_case(tmp_path):
    for name, spec in (("a", {"kind": "x"}), ("b", {"kind": "x", "state_dict_of": "a"})):
        (tmp_path / name).mkdir()
        (tmp_path / name / "case.json").write_text(json.dumps(spec))
    manifest = [
        {"name": "w.weight", "shape": [2, 3], "dtype": "float32"},
        {"name": "n", "shape": [], "dtype": "int64", "value": 7},
    ]
    (tmp_path / "a" / "state_dict.json").write_text(json.dumps(manifest))
    weights = Case.open(tmp_path / "b").weights()
    assert weights["w.weight"].read().shape == (2, 3)
    assert weights["n"].read() == 7


def test_errors(tmp_path, case):
    with pytest.raises(UserError, match="no adapter for cases of kind 'test'; known are clip/network"):
        run(case)
    with pytest.raises(UserError, match="no case.json in or below"):
        find_cases([tmp_path / "nothing"])
    (tmp_path / "case.json").write_text("{")
    with pytest.raises(UserError, match="is not JSON"):
        Case.open(tmp_path)
    (tmp_path / "case.json").write_text("{}")
    with pytest.raises(UserError, match="names no 'kind'"):
        Case.open(tmp_path)
    (tmp_path / "outputs.npz").write_bytes(b"PK broken")
    with pytest.raises(UserError, match=r"outputs.npz cannot be read"):
        Case(tmp_path, {"kind": "x"}).arrays  # noqa: B018


def test_a_wrong_number_in_a_real_case_is_found(tmp_path):
    folder = tmp_path / "preprocess"
    shutil.copytree(REFERENCE / "clip" / "preprocess", folder)
    with np.load(folder / "outputs.npz") as file:
        arrays = dict(file)
    arrays["photo_a.224"].flat[7] += 0.01
    np.savez(folder / "outputs.npz", **arrays)
    rows = {row.output: row.status for row in run(Case.open(folder)).rows}
    assert rows.pop("photo_a.224") == NOT_MET
    assert set(rows.values()) == {MET}
