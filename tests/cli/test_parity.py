"""`ms-ovs parity`: exit statuses, messages and the JSON; once from outside."""

import json
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture
def parity(ms_ovs):
    """Run the command in this process; (status, stdout, stderr)."""
    return partial(ms_ovs, "parity")


def process(*arguments):
    """The same from outside."""
    command = [sys.executable, "-m", "ms_ovs", "parity", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_met_and_not_met(parity, tmp_path):
    good = REFERENCE / "clip" / "preprocess"
    bad = tmp_path / "clip" / "preprocess"
    shutil.copytree(good, bad)
    with np.load(bad / "outputs.npz") as file:
        np.savez(bad / "outputs.npz", **{**file, "photo_b.224": file["photo_b.224"] + 0.1})
    status, out, err = process(good, REFERENCE / "clip" / "tokenizer", "--json", tmp_path / "good.json")
    assert (status, err) == (0, "")
    assert "all 2 cases are met" in out
    record = json.loads((tmp_path / "good.json").read_text())
    assert [case["case"] for case in record] == ["clip/preprocess", "clip/tokenizer"]
    assert all(row["status"] == "met" for case in record for row in case["rows"])

    status, out, err = parity(good, bad, "--json", tmp_path / "bad.json")
    assert (status, err) == (1, "")
    assert "1 of 2 cases are not met" in out
    assert [case["passed"] for case in json.loads((tmp_path / "bad.json").read_text())] == [True, False]


def test_a_malformed_case_is_told_before_any_runs(tmp_path):  # from outside: one line, and no traceback
    shutil.copytree(REFERENCE / "clip" / "tokenizer", tmp_path / "a")
    shutil.copytree(REFERENCE / "clip" / "preprocess", tmp_path / "b")
    (tmp_path / "b" / "outputs.npz").unlink()
    status, out, err = process(tmp_path, "--json", tmp_path / "rows.json")
    assert (status, out) == (2, "") and err.count("\n") == 1
    assert "b/outputs.npz cannot be read" in err and not (tmp_path / "rows.json").exists()


def test_a_folder_with_other_kinds_of_cases(parity, tmp_path):
    shutil.copytree(REFERENCE / "clip" / "preprocess", tmp_path / "clip" / "preprocess")
    other = tmp_path / "other" / "case"
    other.mkdir(parents=True)
    (other / "case.json").write_text('{"kind": "other/network"}')
    status, out, err = parity(tmp_path)
    assert (status, err) == (0, "")
    assert "not run, for want of an adapter: other/case (other/network)" in out
    assert "all 1 cases are met" in out
    status, _, err = parity(tmp_path / "other")
    assert status == 2 and "no cases to run" in err
    status, _, err = parity(tmp_path / "clip", other)
    assert status == 2 and "no adapter for cases of kind 'other/network'" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "no case.json in or below /nowhere"),
        ([REFERENCE / "clip/preprocess", "--mode", "grph"], "unknown mode 'grph': did you mean 'graph'"),
        ([REFERENCE / "clip/preprocess", "--device", "Ascend"], "device 'Ascend' is not present"),
        ([REFERENCE / "clip/preprocess", "--json", REFERENCE], "is a folder: give a file name"),
    ],
)
def test_user_errors(parity, arguments, message):
    status, out, err = parity(*arguments)
    assert (status, out) == (2, "") and message in err
    assert err.count("\n") == 1
