"""Reports of panoptic quality."""

import io
import json

import numpy as np
import pytest
from rich.console import Console

from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import Failure
from ms_ovs.evaluation.panoptic import PanopticEvaluation, PanopticScores
from ms_ovs.evaluation.panoptic_report import PanopticReport


@pytest.fixture
def report():
    """A cat met with IoU 3/4, a sky that is right, a dog that was missed; no grass."""
    scores = PanopticScores(("cat [1]", "dog", "sky", "grass"), (True, True, False, False))
    ids = np.array([[1, 1, 1, 1, 2, 2, 3]], np.int32)
    guess = np.array([[1, 1, 1, 0, 2, 2, 0]], np.int32)
    truth = PanopticMap(ids, (Segment(1, 0), Segment(2, 2), Segment(3, 1)))
    scores.update(PanopticMap(guess, (Segment(1, 0), Segment(2, 2))), truth)
    evaluation = PanopticEvaluation(
        scores, images=1, failed=1, failures=[Failure(0, "x", "gone")], seconds=0.12345
    )
    return PanopticReport(evaluation, {}, "coco.yaml", {"name": "not told"}, {"predictions": "here"})


def lines(report):
    console = Console(width=120, record=True, file=io.StringIO())
    report.print(console)
    return [" ".join(line.replace("│", " ").split()) for line in console.export_text().splitlines()]


def test_tables(report):
    rows = lines(report)
    assert rows[:3] == [
        "checkpoint not told",
        "data coco.yaml: 1 of 2 images, 3 segments",
        "protocol not told",
    ]
    for row in (
        "0 cat [1] thing 75.00 75.00 100.00 1 0 0",
        "1 dog thing 0.00 0.00 0.00 0 0 1",
        "2 sky stuff 100.00 100.00 100.00 1 0 0",
        "3 grass stuff – – – 0 0 0",
        "all 58.33 58.33 66.67 3",
        "things 37.50 37.50 50.00 2",
        "stuff 100.00 100.00 100.00 1",
    ):
        assert row in rows


def test_the_file(report, tmp_path):
    (path,) = report.save(tmp_path / "new")
    found = json.loads(path.read_text("utf-8"))
    assert found["scores"]["things"] == {"pq": 0.375, "sq": 0.375, "rq": 0.5, "classes": 2}
    assert found["classes"][3] == {
        "label": 3,
        "name": "grass",
        "kind": "stuff",
        **dict.fromkeys(("pq", "sq", "rq")),
        **dict.fromkeys(("true_positives", "false_positives", "false_negatives"), 0),
    }
    assert found["failures"] == [{"index": 0, "name": "x", "message": "gone"}]
    assert found["predictions"] == "here" and found["seconds"] == 0.123


def test_nothing_scored_is_no_report():
    nothing = PanopticEvaluation(PanopticScores(("a",), (True,)))
    with pytest.raises(UserError, match="none of the 0 images of x was scored"):
        PanopticReport(nothing, {}, "x", {"name": "y"})
