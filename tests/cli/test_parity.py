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


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["/nowhere"], "no case.json in or below /nowhere"),
        ([REFERENCE / "clip/preprocess", "--mode", "grph"], "unknown mode 'grph': did you mean 'graph'"),
        ([REFERENCE / "clip/preprocess", "--device", "Ascend"], "device 'Ascend' is not present"),
    ],
)
def test_user_errors(arguments, message):
    done = parity(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
