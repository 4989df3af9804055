"""The small programs around the quickstart, on an embedded benchmark of a few scenes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ms_ovs.data import shapes
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import preset

SCRIPTS = Path(__file__).parents[2] / "scripts"


def run(script, *arguments):
    command = [sys.executable, str(SCRIPTS / script), *map(str, arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return shapes.write(tmp_path_factory.mktemp("data") / "shapes", train=3, val=3, captions=2, size=32)


def test_unseen_words_are_exchanged_and_others_stay(few, tmp_path):
    run("exchanged_words.py", few.root, tmp_path / "exchanged.txt")
    names = (tmp_path / "exchanged.txt").read_text().splitlines()
    assert sorted(names) == sorted(few.names)
    moved = [number for number, pair in enumerate(zip(names, few.names, strict=True)) if pair[0] != pair[1]]
    assert moved == sorted(few.unseen)


def test_unrelated_words_share_nothing(few, tmp_path):
    run("unrelated_words.py", few.root, tmp_path / "copy")
    copy = shapes.describe(tmp_path / "copy")
    assert len(set(copy.names)) == len(few.names) and (copy.seen, copy.unseen) == (few.seen, few.unseen)
    assert not {word for name in copy.names[:30] for word in name.split()} & {
        word for name in few.names for word in name.split()
    }
    for split in ("training", "validation"):
        there, here = (FolderDataset(preset("shapes", root, split)) for root in (copy.root, few.root))
        assert len(there.vocabulary) == len(here.vocabulary)
        assert all((there.target(index) == here.target(index)).all() for index in range(3))


def test_the_table_has_the_scores(tmp_path):
    for name, unseen in (("scores", 0.3), ("scores_exchanged", 0.1)):
        (tmp_path / name).mkdir()
        scores = {"seen": 0.5, "unseen": unseen}
        (tmp_path / name / "scores.json").write_text(json.dumps({"scores": scores}))
    table = run("quickstart_table.py", tmp_path)
    assert [word for word in table.split() if word in ("50.0", "30.0", "10.0")] == ["50.0", "30.0", "10.0"]
    assert "predictions.png" in table
