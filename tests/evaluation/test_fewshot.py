"""The few-shot scores against the authors' numbers and against counting by hand."""

from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.evaluation.fewshot import FewShotScores, areas
from ms_ovs.parity.case import Case

CASE = Case.open(Path(__file__).parents[1] / "reference" / "lseg" / "metrics")
BENCHMARKS = {  # classes, id of the drawn class, whether ignored pixels are known
    "pascal": (range(5, 10), lambda drawn: drawn + 5, True),
    "coco": (range(2, 79, 4), lambda drawn: 2 + 4 * drawn, False),
    "fss": (range(760, 1000), lambda drawn: drawn + 760, False),
}


def episodes(name):
    """(prediction, target, class) of the eight episodes."""
    logits = CASE.input("input:fs_logits")
    logits[3, 0] += 100
    ignore = CASE.input("input:fs_ignore") == 0
    mask = CASE.input("input:fs_mask") * ~ignore
    _, number, known = BENCHMARKS[name]
    drawn = number(CASE.input("input:fs_class"))
    target = np.where(ignore, -1, mask) if known else mask
    return list(zip(logits.argmax(1), target, drawn.tolist(), strict=True))


@pytest.mark.parametrize("name", BENCHMARKS)
def test_scores_are_the_authors(name):
    scores = FewShotScores(BENCHMARKS[name][0])
    found = [scores.update(*episode) for episode in episodes(name)]
    for key, rows in zip(("inter", "union"), zip(*found[:5], strict=True), strict=True):
        np.testing.assert_array_equal(np.stack(rows, axis=1), CASE.arrays[f"{name}.{key}_first"])
    stored = CASE.arrays[f"{name}.miou_fbiou"]
    np.testing.assert_allclose([scores.miou, scores.fb_iou], stored, rtol=1e-7)
    assert scores.episodes == 8


def test_ignored_pixels_drop_out_on_both_sides():
    found = areas(np.array([[1, 1, 0, 0, 1]]), np.array([[1, 0, 0, 1, -1]]))
    assert found.intersection.tolist() == [1, 1] and found.union.tolist() == [3, 3]


def test_by_hand():
    scores = FewShotScores([7, 3])
    scores.update(np.array([[1, 1, 0, 0]]), np.array([[1, 0, 0, 0]]), 3)
    assert scores.intersection.tolist() == [[0, 2], [0, 1]] and scores.union.tolist() == [[0, 3], [0, 2]]
    np.testing.assert_allclose(scores.iou, [0, 0.5])
    assert scores.miou == pytest.approx(25) and scores.fb_iou == pytest.approx(
        100 * (2 / 3 + 1 / 2) / 2, rel=1e-6
    )


def test_no_episodes_are_zero():
    assert (FewShotScores([1]).miou, FewShotScores([1]).fb_iou) == (0, 0)


def test_parts_add_up():
    classes, all_of_it = BENCHMARKS["pascal"][0], episodes("pascal")
    whole, first, second = (FewShotScores(classes) for _ in range(3))
    for place, episode in enumerate(all_of_it):
        whole.update(*episode)
        (first if place % 2 else second).update(*episode)
    summed = FewShotScores.from_counts(classes, first.counts + second.counts)
    np.testing.assert_array_equal(summed.counts, whole.counts)
    assert summed.episodes == 8 and summed.miou == whole.miou


@pytest.mark.parametrize(
    ("prediction", "mask", "number", "rule"),
    [
        ([[0, 1]], [[0], [1]], 1, "one size"),
        ([[0, 1]], [[0, 255]], 1, "mask.*255"),
        ([[0, 2]], [[0, 1]], 1, "prediction.*2"),
        ([[0, 1]], [[0, 1]], 9, "class 9.*2 others"),
    ],
)
def test_episodes_that_do_not_fit(prediction, mask, number, rule):
    scores = FewShotScores([1, 2])
    with pytest.raises(UserError, match=rule):
        scores.update(np.array(prediction), np.array(mask), number)
    assert scores.episodes == 0 and not scores.union.any()
