"""The metrics against the authors' numbers and against counting by hand."""

from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.evaluation.semantic import SeenUnseen, SemanticScores
from ms_ovs.parity.case import Case

CASE = Case.open(Path(__file__).parents[1] / "reference" / "lseg" / "metrics")
LABELS = [f"class {number}" for number in range(10)]


def batch(number):
    logits, labels = (CASE.input(f"input:{kind}_{number}") for kind in ("logits", "labels"))
    return logits.argmax(1), labels - 1


def by_hand():
    """Four classes, of which 3 is absent: truth 0 0 0 1 1 2 and one ignored, prediction 0 0 1 1 2 2 and 3."""
    scores = SemanticScores(["a", "b", "c", "d"])
    scores.update(np.array([[0, 0, 1, 1, 2, 2, 3]]), np.array([[0, 0, 0, 1, 1, 2, -1]], np.int32))
    return scores


def test_counts_and_ratios_are_the_authors():
    scores, ious = SemanticScores(LABELS), []
    for row, (number, name) in enumerate([(1, "first"), (2, "second")]):
        scores.update(*batch(number))
        stored = {
            key: CASE.arrays[f"{name}.{key}"].tolist() for key in ("correct_labelled", "inter", "union")
        }
        assert [scores.correct, scores.labelled] == stored["correct_labelled"]
        assert scores.intersection.tolist() == stored["inter"]
        assert scores.union.tolist() == stored["union"]
        ratios = scores.pixel_accuracy, scores.miou
        np.testing.assert_allclose(ratios, CASE.arrays["pixacc_miou"][row], rtol=1e-9)
        ious.append(scores.iou)
    running = CASE.arrays["running_mean_iou_per_class"]
    np.testing.assert_allclose(np.mean(ious, axis=0), running, rtol=1e-9)


def test_an_absent_class_counts_as_the_authors_have_it():
    logits, labels = CASE.input("input:logits_1"), CASE.input("input:labels_1") - 1
    logits[:, [4, 9]] = -100
    labels[labels == 9] = 0
    scores = SemanticScores(LABELS)
    scores.update(logits.argmax(1), labels)
    assert scores.intersection.tolist() == CASE.arrays["absent.inter"].tolist()
    assert scores.union.tolist() == CASE.arrays["absent.union"].tolist()
    ratios = scores.pixel_accuracy, scores.miou
    np.testing.assert_allclose(ratios, CASE.arrays["absent.pixacc_miou"], rtol=1e-9)
    assert scores.miou_present == pytest.approx(scores.miou * 10 / 9)


def test_by_hand():
    scores = by_hand()
    assert scores.confusion.tolist() == [[2, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    assert scores.ignored == 1 and scores.labelled == 6 and scores.correct == 4
    np.testing.assert_allclose(scores.iou, [2 / 3, 1 / 3, 1 / 2, 0])
    np.testing.assert_allclose(scores.accuracy, [2 / 3, 1 / 2, 1, 0])
    np.testing.assert_allclose(scores.precision, [1, 1 / 2, 1 / 2, 0])
    np.testing.assert_allclose(scores.dice, [4 / 5, 1 / 2, 2 / 3, 0])
    assert scores.miou == pytest.approx(1.5 / 4) and scores.miou_present == pytest.approx(1.5 / 3)
    assert scores.mean_accuracy == pytest.approx((2 / 3 + 1 / 2 + 1) / 3)
    assert scores.frequency_weighted_iou == pytest.approx((3 * 2 / 3 + 2 / 3 + 1 / 2) / 6)
    assert scores.pixel_accuracy == pytest.approx(4 / 6)


def test_a_class_predicted_but_not_there_is_present():
    scores = SemanticScores(["a", "b"])
    scores.update(np.array([[1, 0]]), np.array([[0, 0]]))
    assert scores.present.tolist() == [True, True]
    assert scores.miou_present == pytest.approx(1 / 4) and scores.mean_accuracy == pytest.approx(1 / 2)
    assert scores.miou_truth == pytest.approx(1 / 2)


def test_seen_and_unseen():
    parts = by_hand().seen_unseen([1, 3])
    assert parts.seen == pytest.approx((2 / 3 + 1 / 2) / 2) and parts.unseen == pytest.approx(1 / 3)
    assert parts.harmonic == pytest.approx(2 / (1 / parts.seen + 1 / parts.unseen))
    assert by_hand().seen_unseen([1], seen=[2]).seen == pytest.approx(1 / 2)
    assert SeenUnseen(0.0, 0.0).harmonic == 0


@pytest.mark.parametrize(
    ("unseen", "seen", "rule"),
    [
        ([4], None, "class 4"),
        ([-1], None, "class -1"),
        ([], None, "0 unseen"),
        (range(4), None, "0 seen"),
        ([1], [1, 2], "both"),
    ],
)
def test_seen_and_unseen_must_be_two_groups(unseen, seen, rule):
    with pytest.raises(UserError, match=rule):
        by_hand().seen_unseen(unseen, seen)


def test_parts_add_up_in_any_order():
    whole, parts = SemanticScores(LABELS), []
    for number in (1, 2):
        whole.update(*batch(number))
        parts.append(SemanticScores(LABELS))
        parts[-1].update(*batch(number))
    summed = SemanticScores.from_counts(LABELS, parts[0].counts + parts[1].counts)
    np.testing.assert_array_equal(summed.counts, whole.counts)
    assert summed.counts.dtype == np.int64 and summed.ignored == whole.ignored > 0


def test_nothing_counted_is_zero():
    scores = SemanticScores(["a", "b"])
    scores.update(np.zeros((2, 2), int), np.full((2, 2), -1))
    ratios = (scores.miou, scores.miou_present, scores.miou_truth, scores.pixel_accuracy)
    assert (*ratios, scores.mean_accuracy, scores.frequency_weighted_iou) == (0,) * 6


@pytest.mark.parametrize(
    ("target", "rule"),
    [([[0, 1]], "must agree"), ([[0], [4]], "class 4.*4 labels"), ([[-2], [0]], "class -2")],
)
def test_a_truth_that_does_not_fit(target, rule):
    scores = by_hand()
    before = scores.counts
    with pytest.raises(UserError, match=rule):
        scores.update(np.zeros((2, 1), int), np.array(target))
    np.testing.assert_array_equal(scores.counts, before)


@pytest.mark.parametrize("wrong", [4, -1])
def test_predictions_are_classes(wrong):
    with pytest.raises(ValueError, match="4 labels"):
        by_hand().update(np.array([[0, wrong]]), np.zeros((1, 2), int))


def test_small_integer_types_do_not_overflow():
    scores = SemanticScores([str(number) for number in range(200)])
    scores.update(np.full((3, 3), 199, np.uint8), np.full((3, 3), 199, np.int16))
    assert scores.confusion[199, 199] == 9
