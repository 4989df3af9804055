"""Reports of few-shot sets: the scores of a fold, their classes and their origin."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from ms_ovs.errors import UserError
from ms_ovs.evaluation.episode_report import EpisodeReport
from ms_ovs.evaluation.episodes import EpisodeEvaluation
from ms_ovs.evaluation.evaluate import Failure
from ms_ovs.evaluation.fewshot import FewShotScores

HASH = "0123456789abcdef" * 4
PROTOCOL = {"name": "lseg_few_shot", "size": 480, "words": ["others", "label"]}


def made(scores, **settings):
    failures = [Failure(5, "b [cat]", "damaged")]
    evaluation = EpisodeEvaluation(scores, images=scores.episodes, failed=1, failures=failures, seconds=1.5)
    fixed = {"names": ("bus", "ca[r]"), "data": "pascal.yaml", "few_shot": "pascal5i", "fold": 1}
    checkpoint = {"sha256": HASH, "system": "lseg", "variant": "tiny"}
    return EpisodeReport(evaluation, **{**fixed, "checkpoint": checkpoint, "protocol": PROTOCOL, **settings})


@pytest.fixture
def report():
    """One episode of the first class: of 2 pixels one is found, of 2 others both; none of the second."""
    scores = FewShotScores((5, 6))
    scores.update(np.array([[1, 0, 0, 0]]), np.array([[1, 1, 0, 0]]), 5)
    return made(scores, details={"device": "CPU"})


def shown(report):
    console = Console(width=120, record=True, file=io.StringIO())
    report.print(console)
    return [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]


def test_tables(report):
    lines = shown(report)
    assert lines[:3] == [
        "checkpoint sha256 0123456789ab (lseg tiny)",
        "data pascal.yaml: 1 of 2 episodes, 2 classes",
        "protocol lseg_few_shot: size 480, words others label",
    ]
    assert "5 bus 50.00" in lines and "6 ca[r] –" in lines
    # foreground 1/2 and 0/1; background 2/3
    assert "pascal5i 1 25.00 58.33" in lines


def test_a_set_without_folds(report):
    lines = shown(made(report.evaluation.scores, few_shot="fss1000", fold=None))
    assert "fss1000 – 25.00 58.33" in lines


def test_file(report, tmp_path):
    (path,) = report.save(tmp_path / "new")
    assert path == tmp_path / "new" / "scores.json"
    found = json.loads(path.read_text("utf-8"))
    assert found["checkpoint"]["sha256"] == HASH and found["protocol"] == PROTOCOL
    assert found["data"] == {
        "name": "pascal.yaml",
        "few_shot": "pascal5i",
        "fold": 1,
        "episodes": 1,
        "failed": 1,
    }
    assert found["scores"] == {"miou": pytest.approx(0.25), "fb_iou": pytest.approx((1 / 2 + 2 / 3) / 2)}
    assert found["classes"][0] == {
        "class_id": 5,
        "name": "bus",
        "iou": pytest.approx(0.5),
        "intersection_pixels": 1,
        "union_pixels": 2,
    }
    assert found["classes"][1]["iou"] is None
    assert found["failures"] == [{"index": 5, "name": "b [cat]", "message": "damaged"}]
    assert found["seconds"] == 1.5 and found["device"] == "CPU"


def test_no_scored_episode_is_no_report():
    with pytest.raises(
        UserError, match=r"none of the 1 episodes of pascal.yaml was scored \(b \[cat\]: damaged"
    ):
        made(FewShotScores((5, 6)))


def test_a_folder_that_cannot_be_written(report, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        report.save(tmp_path / "file")
