"""The table of several data sets: what is read back, and what stands in it."""

import json

import numpy as np
import pytest
from rich.console import Console

from ms_ovs.evaluation.benchmark import Benchmark, Row
from ms_ovs.evaluation.evaluate import Evaluation
from ms_ovs.evaluation.report import Report
from ms_ovs.evaluation.semantic import SemanticScores

IDENTITY = {"data": "d" * 64, "words": "lseg/x", "templates": "none"}


@pytest.fixture
def path(tmp_path):
    """The scores.json of 3 images with 3 classes, one of them absent; 3 of 4 pixels are right."""
    scores = SemanticScores(["sky", "cat", "cow"])
    scores.update(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 0]))
    details = {"identity": IDENTITY, "versions": {"ms_ovs": "1"}, "device": "CPU"}
    Report(
        Evaluation(scores, images=3, failed=1, seconds=12.4),
        checkpoint={"sha256": "c0ffee" * 4, "system": "lseg", "variant": "colours"},
        data="x",
        protocol={"name": "single", "flip": False},
        details=details,
    ).save(tmp_path)
    return tmp_path / "scores.json"


def test_rows_are_read_back(path):
    row = Row.read(path)
    assert row.identity == IDENTITY and row.seconds == 12.4
    assert row.cells == {
        "images": "3",
        "left out": "1",
        "mIoU": "38.89",
        "mIoU, present": "58.33",
        "mIoU, truth": "58.33",
        "fwIoU": "62.50",
        "pixel accuracy": "75.00",
        "mean accuracy": "83.33",
        "seconds": "12",
        "words": "lseg/x",
        "templates": "none",
        "data sha256": "d" * 12,
    }


@pytest.mark.parametrize("damage", ["gone", "cut", "other"])
def test_what_is_no_row(path, damage):
    if damage == "gone":
        path.unlink()
    else:
        said = json.loads(path.read_text("utf-8"))
        del said["identity"]
        path.write_text(path.read_text("utf-8")[:99] if damage == "cut" else json.dumps(said))
    assert Row.read(path) is None


def test_the_files(path, tmp_path):
    row = Row.read(path)
    Benchmark({"voc_20": row, "shapes": row}, {"ade20k_847": "nothing is there"}).save(tmp_path)
    found = json.loads((tmp_path / "benchmark.json").read_text("utf-8"))
    assert Row.model_validate(found["sets"]["shapes"]) == row
    assert found["left_out"] == {"ade20k_847": "nothing is there"}
    text = (tmp_path / "benchmark.md").read_text("utf-8")
    lines = [line for line in text.splitlines() if line.startswith("|")]
    assert len(lines) == 4 and {line.count("|") for line in lines} == {14}
    assert lines[2].startswith("| voc_20 | 3 | 1 | 38.89 | 58.33 |")
    assert f"checkpoint sha256 `{'c0ffee' * 4}` (lseg colours)" in text and "protocol single: flip no" in text
    assert "Not scored: ade20k_847 (nothing is there)." in text
    Benchmark({"voc_20": row}, {}).save(tmp_path)
    assert "Absent" not in (tmp_path / "benchmark.md").read_text("utf-8")


def test_eighty_columns_hold_the_table(path):
    console = Console(width=80, record=True)
    Benchmark({"pascal_context_459": Row.read(path)}, {}).print(console)
    text = console.export_text()
    assert "…" not in text and "38.89" in text and "pascal_context_459" in text
