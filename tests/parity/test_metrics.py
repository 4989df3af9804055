"""The adapters for the metrics: other sizes, values and names of the same kinds, counted another way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.parity.case import Case
from ms_ovs.parity.runner import run

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture
def changed(tmp_path):
    """A case whose spec was changed: `changed(name, change)`, where change(spec) works in place."""

    def make(name, change=lambda spec: None):
        folder = tmp_path / "case"
        shutil.copytree(REFERENCE / name, folder, dirs_exist_ok=True)
        spec = json.loads((folder / "case.json").read_text())
        change(spec)
        (folder / "case.json").write_text(json.dumps(spec))
        return Case.open(folder)

    return make


def results(case, expected):
    """{output: status} of a case in which these are the numbers of the reference."""
    np.savez(case.folder / "outputs.npz", **expected)
    spec = dict(case.spec, outputs=dict.fromkeys(expected, "as counted here"))
    (case.folder / "case.json").write_text(json.dumps(spec))
    return {row.output: row.status for row in run(Case.open(case.folder)).rows}


def test_another_semantic_case(changed):
    def change(spec):
        spec["config"] = {"classes": 5, "ignore_label": 99}
        highs = {"gt": 4, "pred": 5, "noise": 10, "ignore": 10}
        spec["inputs"] = {
            f"input:{role}_b": {"kind": "labels", "shape": [2, 9, 7], "high": high}
            for role, high in highs.items()
        }
        spec["input_note"] = (
            "prediction = where(noise_b < 7, pred_b, gt_b); truth = where(ignore_b == 3, 99, gt_b)"
        )

    case = changed("metrics/semantic", change)
    truth, pred, noise, ignore = (case.input(f"input:{role}_b") for role in ("gt", "pred", "noise", "ignore"))
    pred, left = np.where(noise < 7, pred, truth), ignore != 3
    inter = [(left & (truth == c) & (pred == c)).sum() for c in range(5)]
    union = [(left & ((truth == c) | (pred == c))).sum() for c in range(5)]
    met = [(left & (truth == c)).sum() for c in range(5)]
    iou = [100 * inter[c] / union[c] if met[c] else np.nan for c in range(5)]
    acc = [100 * inter[c] / met[c] if met[c] else np.nan for c in range(5)]
    assert np.isnan(iou[4]) and union[4] > 0, "predicted, but not in the truth"
    weighted = np.nansum([iou[c] * met[c] / left.sum() for c in range(5)])
    rest = [weighted, np.nanmean(acc), 100 * (pred == truth)[left].mean()]
    matrix = [[((pred == p) & left & (truth == t)).sum() for t in range(5)] for p in range(5)]
    matrix = [[*row, ((pred == p) & ~left).sum()] for p, row in enumerate(matrix)] + [[0] * 6]
    assert results(
        case,
        {
            "plus.summary": np.float32([np.nansum(iou) / 5, *rest]),
            "d2_head.summary": np.float32([np.nansum(iou) / 4, *rest]),
            "plus.iou": np.float32(iou),
            "d2_head.acc": np.float32(acc),
            "plus.conf_matrix": np.array(matrix),
        },
    ) == dict.fromkeys(
        ["plus.summary", "d2_head.summary", "plus.iou", "d2_head.acc", "plus.conf_matrix"], "met"
    )


def test_a_pixel_moved_is_seen(changed):
    case = changed("metrics/semantic")
    arrays = dict(case.arrays)
    arrays["plus.conf_matrix"] = arrays["plus.conf_matrix"].copy()
    arrays["plus.conf_matrix"][0, :2] += (1, -1)
    np.savez(case.folder / "outputs.npz", **arrays)
    rows = {row.output: row.status for row in run(Case.open(case.folder)).rows}
    assert rows.pop("plus.conf_matrix") == "NOT MET" and set(rows.values()) == {"met"}


def test_another_panoptic_case(changed):
    """Two images of four squares; noise is never below 0, so that the prediction is the truth."""

    def change(spec):
        shapes = {"gt": [2, 2, 2], "pred": [2, 6, 10], "noise": [2, 6, 10]}
        spec["inputs"] = {
            f"input:{role}": {"kind": "labels", "shape": shape, "high": 3} for role, shape in shapes.items()
        }
        spec["input_note"] = spec["input_note"].replace("noise < 4", "noise < 0")
        spec["config"] = {
            "categories": [{"id": 40, "isthing": 0}, {"id": 7, "isthing": 1}],
            "gt_category_of_segment": [[40, 7], [40, 7]],
            "pred_category_of_segment": [[40, 7], [40, 40]],
            "gt_crowd_segments": [[], [1]],
        }

    case = changed("metrics/panoptic", change)
    first, second = (set(ids.ravel()) for ids in case.input("input:gt"))
    stuff, things = 1 in first, 2 in first
    lost = 2 in second  # segment 2 of the second image is predicted as 40
    assert things and lost, "the draw has what is counted"
    rows = [[40, stuff / (stuff + 0.5), 1, stuff / (stuff + 0.5), stuff, lost, 0, stuff]]
    rows += [[7, 1 / 1.5, 1, 1 / 1.5, 1, 0, lost, 1]]
    groups = {"stuff": [*rows[0][1:4], 1], "things": [*rows[1][1:4], 1], "all": [*rows[1][1:4], 2]}
    expected = {name: np.float32(row) for name, row in {"per_class": rows, **groups}.items()}
    assert results(case, expected) == dict.fromkeys(expected, "met")


def test_another_maskclip_case(changed):
    def change(spec):
        highs = {"prediction": 4, "label": 5, "agree": 4}
        spec["inputs"] = {
            f"input:{role}_{number}": {"kind": "labels", "shape": [5 + number, 6], "high": high}
            for number in (10, 9)
            for role, high in highs.items()
        }
        spec["input_note"] = "where agree > 1 and prediction_i is not 2, else the table [0,4,1,2,255]"
        spec["config"] = {"ignore_index": 255, "other": {"num_classes": 6, "reduce_zero_label": True}}

    case = changed("maskclip/metrics", change)
    pixels = []
    for number in (9, 10):
        pred, label, agree = (
            case.input(f"input:{role}_{number}") for role in ("prediction", "label", "agree")
        )
        truth = np.where((agree > 1) & (pred != 2), pred + 1, np.array([0, 4, 1, 2, 255])[label])
        left = (truth != 0) & (truth != 255)
        pixels.append((pred[left], truth[left] - 1))
    rows = [[((p == c) & (t == c)).sum() for c in range(6)] for p, t in pixels]
    pred, truth = (np.concatenate(parts) for parts in zip(*pixels, strict=True))
    inter, guessed, met = (
        np.array([mask(c).sum() for c in range(6)], float)
        for mask in (lambda c: (pred == c) & (truth == c), lambda c: pred == c, lambda c: truth == c)
    )
    with np.errstate(invalid="ignore"):
        precision, recall, iou = inter / guessed, inter / met, inter / (guessed + met - inter)
        fscore = 2 * precision * recall / (precision + recall)
    expected = {
        "other.intersect": np.float32(rows),
        "other.Precision": np.float32(np.nan_to_num(precision, nan=-1)),
        "other.Recall": np.float32(np.nan_to_num(recall, nan=-1)),
        "other.Fscore": np.float32(np.nan_to_num(fscore, nan=-1)),
        "other.summary": np.float32([(pred == truth).mean(), np.nanmean(iou), np.nanmean(recall)]),
    }
    assert (expected["other.Precision"] == -1).any() and (expected["other.Recall"] >= 0).any()
    assert results(case, expected) == dict.fromkeys(expected, "met")


def put(*path, value):
    def change(spec):
        for part in path[:-1]:
            spec = spec[part]
        spec[path[-1]] = value

    return change


SEMANTIC, PANOPTIC, MASKCLIP = "metrics/semantic", "metrics/panoptic", "maskclip/metrics"


@pytest.mark.parametrize(
    ("name", "change", "rule"),
    [
        (SEMANTIC, put("config", "classes", value=6), "class 6 is predicted, there are 6"),
        (SEMANTIC, put("config", "classes", value=0), "config.classes"),
        (SEMANTIC, put("tolerance", value={}), "tolerance.float outputs: Field required"),
        (SEMANTIC, put("inputs", "input:gt", "shape", value=[3, 40, 55]), "do not belong together"),
        (SEMANTIC, put("inputs", value={}), "unknown input 'input:gt'"),
        (SEMANTIC, put("inputs", "input:gt", "kind", value="normal"), "input:gt.kind"),
        (
            PANOPTIC,
            put("config", "categories", 0, "id", value=9),
            "segment 1 is of category 1: known are 9, 2",
        ),
        (PANOPTIC, put("config", "gt_crowd_segments", value=[[1]]), "3 images: each needs its lines"),
        (PANOPTIC, put("config", "gt_category_of_segment", 0, value=[1]), "segment 2 is of category none"),
        (PANOPTIC, put("inputs", "input:pred", "shape", value=[3, 24, 31]), "do not belong together"),
        (PANOPTIC, put("inputs", "input:gt", "shape", value=[3, 5, 8]), "do not belong together"),
        (PANOPTIC, put("inputs", "input:gt", "shape", value=[3, 48, 8]), "do not belong together"),
        (MASKCLIP, put("config", "plain", "num_classes", value=6), "class 6 is predicted, there are 6"),
        (MASKCLIP, put("config", "plain", "num_classes", value=7), "values are 0 to 6, or 255"),
        (MASKCLIP, put("config", "plain", "num_classes", value="many"), "config.plain"),
        (MASKCLIP, put("input_note", value="the table [0, 1]"), "has no place in the table of 2"),
        (MASKCLIP, put("inputs", value={}), "no input plays the role of 'prediction'"),
    ],
)
def test_cases_that_do_not_fit(changed, name, change, rule):
    with pytest.raises(UserError, match=rule) as caught:
        run(changed(name, change))
    assert "\n" not in str(caught.value)
