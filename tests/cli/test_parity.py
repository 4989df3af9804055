"""`ms-ovs parity` from outside: exit statuses and the JSON."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

REFERENCE = Path(__file__).parents[1] / "reference"


def parity(*arguments):
    command = [sys.executable, "-m", "ms_ovs", "parity", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True)


def test_met_and_not_met(tmp_path):
    good = REFERENCE / "clip" / "preprocess"
    bad = tmp_path / "clip" / "preprocess"
    shutil.copytree(good, bad)
    with np.load(bad / "outputs.npz") as file:
        np.savez(bad / "outputs.npz", **{**file, "photo_b.224": file["photo_b.224"] + 0.1})
    done = parity(good, REFERENCE / "clip" / "tokenizer", "--json", tmp_path / "good.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "all 2 cases are met" in done.stdout
    record = json.loads((tmp_path / "good.json").read_text())
    assert [case["case"] for case in record] == ["clip/preprocess", "clip/tokenizer"]
    assert all(row["status"] == "met" for case in record for row in case["rows"])

    done = parity(good, bad, "--json", tmp_path / "bad.json")
    assert done.returncode == 1
    assert "1 of 2 cases are not met" in done.stdout
    assert [case["passed"] for case in json.loads((tmp_path / "bad.json").read_text())] == [True, False]


def test_a_malformed_case_is_told_before_any_runs(tmp_path):
    shutil.copytree(REFERENCE / "clip" / "tokenizer", tmp_path / "a")
    shutil.copytree(REFERENCE / "clip" / "preprocess", tmp_path / "b")
    (tmp_path / "b" / "outputs.npz").unlink()
    done = parity(tmp_path, "--json", tmp_path / "rows.json")
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1
    assert "b/outputs.npz cannot be read" in done.stderr and not (tmp_path / "rows.json").exists()


def test_a_folder_with_other_kinds_of_cases(tmp_path):
    shutil.copytree(REFERENCE / "clip" / "preprocess", tmp_path / "clip" / "preprocess")
    other = tmp_path / "other" / "case"
    other.mkdir(parents=True)
    (other / "case.json").write_text('{"kind": "other/network"}')
    done = parity(tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "not run, for want of an adapter: other/case (other/network)" in done.stdout
    assert "all 1 cases are met" in done.stdout
    done = parity(tmp_path / "other")
    assert done.returncode == 2 and "no cases to run" in done.stderr
    done = parity(tmp_path / "clip", other)
    assert done.returncode == 2 and "no adapter for cases of kind 'other/network'" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "no case.json in or below /nowhere"),
        ([REFERENCE / "clip/preprocess", "--mode", "grph"], "unknown mode 'grph': did you mean 'graph'"),
        ([REFERENCE / "clip/preprocess", "--device", "Ascend"], "device 'Ascend' is not present"),
        ([REFERENCE / "clip/preprocess", "--json", REFERENCE], "is a folder: give a file name"),
    ],
)
def test_user_errors(arguments, message):
    done = parity(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
