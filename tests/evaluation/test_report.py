"""Reports: every score with its rule and origin, on the screen and in files."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from ms_ovs.errors import UserError
from ms_ovs.evaluation import confusion
from ms_ovs.evaluation.evaluate import Evaluation, Failure
from ms_ovs.evaluation.report import Report
from ms_ovs.evaluation.semantic import SemanticScores

HASH = "0123456789abcdef" * 4
PROTOCOL = {"name": "single", "scales": [1.0], "flip": False, "long_side": 520, "crop_size": 480}


@pytest.fixture
def report():
    """Truth 0 0 0 1 and one ignored pixel, all predicted 0: class 2 is absent."""
    scores = SemanticScores(["red [sky]", "grün", "blue, pale"])
    scores.update(np.zeros((1, 5), int), np.array([[0, 0, 0, 1, -1]]))
    return Report(
        Evaluation(scores, images=1, failed=1, failures=[Failure(3, "x.png", "damaged")], seconds=1.23456),
        checkpoint={"sha256": HASH, "system": "lseg", "variant": "tiny"},
        data="shapes/validation",
        protocol=PROTOCOL,
        unseen=(1,),
        details={"device": "CPU"},
    )


def shown(report):
    console = Console(width=120, record=True, file=io.StringIO())
    report.print(console)
    return console.export_text()


def test_scores_say_where_they_come_from(report):
    first = shown(report).splitlines()[:3]
    assert first == [
        "checkpoint sha256 0123456789ab (lseg tiny)",
        "data shapes/validation: 1 of 2 images, 5 pixels, 80.00% of them labelled",
        "protocol single: scales 1.0, flip no, long_side 520, crop_size 480",
    ]


def test_a_checkpoint_that_is_not_known(report):
    unknown = Report(report.evaluation, {}, report.data, {"name": "not told"})
    assert unknown.provenance.splitlines()[0] == "checkpoint not told"
    assert unknown.provenance.splitlines()[2] == "protocol not told"


def lines(text):
    return [" ".join(line.replace("│", " ").split()) for line in text.splitlines()]


def test_scores_have_their_rules(report):
    rows = lines(shown(report))
    assert "mIoU 25.00 mean over all 3 classes, absent ones count 0 (LSeg's rule)" in rows
    assert "mIoU, present 37.50 mean over the 2 classes met in truth or prediction" in rows
    assert "mIoU, truth 37.50 mean over the 2 classes met in the truth (detectron2)" in rows
    assert "unseen mIoU 0.00 those met of 1 classes never labelled in training" in rows
    assert any(row.startswith("seen mIoU 75.00 those met of 2 classes") for row in rows)
    assert any(row.startswith("harmonic mean 0.00") for row in rows)


def test_classes(report):
    rows = lines(shown(report))
    assert "0 red [sky] 75.00 100.00 75.00 3 4" in rows
    assert "1 grün (unseen) 0.00 0.00 – 1 0" in rows
    assert "2 blue, pale – – – 0 0" in rows


def test_files(report, tmp_path):
    paths = report.save(tmp_path / "new")
    assert [path.name for path in paths] == ["scores.json", "confusion.csv", "confusion.png"]
    summary = json.loads(paths[0].read_text("utf-8"))
    assert summary["checkpoint"]["sha256"] == HASH and summary["protocol"] == PROTOCOL
    assert summary["data"] == {
        "name": "shapes/validation",
        "images": 1,
        "failed": 1,
        "labelled_pixels": 4,
        "ignored_pixels": 1,
    }
    assert summary["scores"]["miou"] == pytest.approx(0.25)
    assert summary["scores"]["seen"] == pytest.approx(0.75) and summary["scores"]["unseen"] == 0
    assert summary["scores"]["miou_truth"] == pytest.approx(0.375)
    assert summary["classes"][2]["iou"] is None and summary["classes"][1]["unseen"]
    assert [row["precision"] for row in summary["classes"]] == [pytest.approx(0.75), None, None]
    assert summary["failures"] == [{"index": 3, "name": "x.png", "message": "damaged"}]
    assert summary["device"] == "CPU" and summary["seconds"] == 1.235
    with open(paths[1], newline="", encoding="utf-8") as file:
        table = list(csv.reader(file))
    assert table[0][1:] == ["red [sky]", "grün", "blue, pale"] and table[2] == ["grün", "1", "0", "0"]
    assert Image.open(paths[2]).mode == "RGB"


def test_without_unseen_classes_nothing_is_said_of_them(report, tmp_path):
    plain = Report(report.evaluation, report.checkpoint, report.data, report.protocol)
    assert "unseen" not in shown(plain) and "unseen" not in plain.summary()["scores"]


@pytest.mark.parametrize(
    ("failures", "reason"), [([Failure(0, "x.png", "damaged")], "x.png: damaged"), ([], "there are none")]
)
def test_no_scored_image_is_no_report(failures, reason):
    nothing = Evaluation(SemanticScores(["a"]), failed=len(failures), failures=failures)
    with pytest.raises(UserError, match=reason):
        Report(nothing, {"sha256": HASH}, "shapes", PROTOCOL)


def test_a_folder_that_cannot_be_written(report, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError):
        report.save(tmp_path / "file")


def test_the_picture_shows_right_and_wrong():
    picture = confusion.picture(np.array([[4, 0], [1, 3]]), ["a", "b"])
    colours = {colour for _, colour in picture.getcolors(1 << 16)}
    assert confusion.RIGHT in colours and confusion.PAPER in colours
    assert confusion.WRONG not in colours, "a quarter is half as strong"
    full = confusion.picture(np.array([[0, 4], [0, 3]]), ["a", "b"])
    assert confusion.WRONG in {colour for _, colour in full.getcolors(1 << 16)}


@pytest.mark.parametrize("count", [1, 150, 400])
def test_the_picture_stays_of_a_size_that_opens(count):
    labels = [f"class with a long name {'x' * 40}"] * count
    picture = confusion.picture(np.eye(count, dtype=np.int64), labels)
    assert count <= picture.width < 2400 and count <= picture.height < 2400
