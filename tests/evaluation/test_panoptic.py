"""Panoptic quality by hand, the rules for void and crowds, and sums over processes to the last bit."""

import math

import numpy as np
import pytest

from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError
from ms_ovs.evaluation.panoptic import PanopticScores, Quality, evaluate_panoptic

LABELS, THINGS = ("cat", "dog", "sky"), (True, True, False)


def strip(ids, *segments):
    """A map of one row; segments are (id, class) or (id, class, crowd)."""
    return PanopticMap(np.array([ids], np.int32), tuple(Segment(*segment) for segment in segments))


def scored(*pairs):
    scores = PanopticScores(LABELS, THINGS)
    for prediction, target in pairs:
        scores.update(prediction, target)
    return scores


def table(scores):
    return np.stack([scores.true_positives, scores.false_positives, scores.false_negatives], 1).tolist()


def test_by_hand():
    """Two cats, of which one is met with IoU 3/4, a dog taken for a cat, and the sky as it is."""
    target = strip([1, 1, 1, 1, 2, 2, 3, 3, 9, 9], (1, 0), (2, 0), (3, 1), (9, 2))
    prediction = strip([5, 5, 5, 4, 4, 4, 7, 7, 6, 6], (5, 0), (4, 0), (7, 0), (6, 2))
    scores = scored((prediction, target))
    # 4 and 2 share 2 of 3 pixels, 5 and 1 share 3 of 4; 7 has no partner, and 3 is missed
    assert table(scores) == [[2, 1, 0], [0, 0, 1], [1, 0, 0]]
    iou = 3 / 4 + 2 / 3
    np.testing.assert_allclose(scores.iou_sum, [iou, 0, 1], rtol=1e-15)
    np.testing.assert_allclose(scores.pq, [iou / 2.5, 0, 1])
    np.testing.assert_allclose(scores.sq, [iou / 2, 0, 1])
    np.testing.assert_allclose(scores.rq, [2 / 2.5, 0, 1])
    assert scores.quality("things") == pytest.approx((iou / 2.5 / 2, iou / 2 / 2, 0.4, 2))
    assert scores.quality("stuff") == Quality(1, 1, 1, 1)
    assert scores.quality() == pytest.approx(((iou / 2.5 + 1) / 3, (iou / 2 + 1) / 3, 1.8 / 3, 3))


def test_half_is_no_match():
    target = strip([1, 1, 0, 0], (1, 0))
    assert table(scored((strip([1, 1, 0, 0], (1, 0)), target)))[0] == [1, 0, 0]
    half = strip([1, 1, 2, 2], (1, 0), (2, 2))
    assert table(scored((strip([1, 1, 1, 1], (1, 0)), half)))[0] == [0, 1, 1], "2 of 4 pixels"


def test_void_of_the_truth_is_left_out_of_the_union():
    target = strip([1, 1, 1, 0, 0, 0, 0], (1, 0))
    scores = scored((strip([4, 4, 4, 4, 4, 4, 4], (4, 0)), target))
    assert table(scores)[0] == [1, 0, 0] and scores.iou_sum[0] == 1


def test_void_of_the_prediction_counts_as_missed_pixels():
    scores = scored((strip([4, 4, 4, 0], (4, 0)), strip([1, 1, 1, 1], (1, 0))))
    assert scores.iou_sum[0] == 3 / 4


@pytest.mark.parametrize(("on_void", "wrong"), [(2, 1), (3, 0)])
def test_what_lies_mostly_on_void_is_no_false_positive(on_void, wrong):
    target = strip([0] * on_void + [1] * (8 - on_void), (1, 2))
    prediction = strip([5] * 4 + [6] * 4, (5, 0), (6, 2))
    assert table(scored((prediction, target)))[0] == [0, wrong, 0]


def test_crowds_are_neither_matched_nor_missed():
    target = strip([1, 1, 1, 1, 2, 2], (1, 0, True), (2, 0))
    perfect = strip([1, 1, 1, 1, 2, 2], (1, 0), (2, 0))
    assert table(scored((perfect, target)))[0] == [1, 0, 0], "on the crowd it is no false positive either"
    nothing = strip([0] * 4 + [2] * 2, (2, 0))
    assert table(scored((nothing, target)))[0] == [1, 0, 0]
    other_class = strip([1, 1, 1, 1, 2, 2], (1, 1), (2, 0))
    assert table(scored((other_class, target)))[1] == [0, 1, 0], "a crowd of cats excuses no dog"


def test_void_and_crowd_excuse_together():
    target = strip([0, 1, 2, 2, 2, 2, 2, 2], (1, 0, True), (2, 2))
    prediction = strip([5, 5, 5, 6, 6, 6, 6, 6], (5, 0), (6, 2))
    assert table(scored((prediction, target)))[0] == [0, 0, 0], "2 of 3 pixels"


def test_of_several_crowds_the_last_one_excuses():
    ids, crowds = [1, 1, 2, 3, 3, 3], ((1, 0, True), (2, 0, True), (3, 2))
    prediction = strip([5, 5, 5, 6, 6, 6], (5, 0), (6, 2))
    assert table(scored((prediction, strip(ids, *crowds))))[0] == [0, 1, 0]
    assert table(scored((prediction, strip(ids, crowds[1], crowds[0], crowds[2]))))[0] == [0, 0, 0]


def random_map(rng, crowd=False):
    ids = np.kron(rng.integers(0, 7, (4, 5)), np.ones((6, 5), int)).astype(np.int32)
    ids[rng.random(ids.shape) < 0.1] = 0
    present = [number for number in np.unique(ids) if number]
    return PanopticMap(
        ids * 1000,
        tuple(
            Segment(int(number) * 1000, int(number) % 3, crowd and rng.random() < 0.2) for number in present
        ),
    )


def slow(prediction, target):
    """The rules pair by pair, on sets of pixels: ({class: [tp, fp, fn]}, {class: IoUs})."""
    counts, ious = {c: [0, 0, 0] for c in range(3)}, {c: [] for c in range(3)}
    void, partners = target.ids == 0, set()
    for truth in target.segments:
        there = target.ids == truth.id
        for guess in prediction.segments:
            here = prediction.ids == guess.id
            iou = (there & here).sum() / (there | (here & ~void)).sum()
            if iou > 0.5 and guess.label == truth.label and not truth.crowd:
                partners |= {("truth", truth.id), ("guess", guess.id)}
                counts[truth.label][0] += 1
                ious[truth.label].append(iou)
        if ("truth", truth.id) not in partners and not truth.crowd:
            counts[truth.label][2] += 1
    for guess in prediction.segments:
        here = prediction.ids == guess.id
        crowds = [s.id for s in target.segments if s.crowd and s.label == guess.label]
        excused = void | (target.ids == crowds[-1]) if crowds else void
        if ("guess", guess.id) not in partners and (here & excused).sum() / here.sum() <= 0.5:
            counts[guess.label][1] += 1
    return counts, ious


def test_as_pair_by_pair_and_merged_to_the_last_bit():
    rng = np.random.default_rng(5)
    pairs = []
    for _ in range(40):
        target = random_map(rng, crowd=True)
        noisy = np.where(rng.random(target.shape) < rng.random() * 0.5, 0, target.ids)
        kept = tuple(Segment(s.id, s.label) for s in target.segments if (noisy == s.id).any())
        pairs.append((PanopticMap(noisy.astype(np.int32), kept), target))
        pairs.append((random_map(rng), target))
    whole = scored(*pairs)
    found = [slow(*pair) for pair in pairs]
    for label in range(3):
        assert table(whole)[label] == np.sum([counts[label] for counts, _ in found], 0).tolist()
        ious = [iou for _, lists in found for iou in lists[label]]
        assert len(ious) > 10 and whole.iou_sum[label] == math.fsum(ious), "rounded once"
    rng.shuffle(pairs)
    parts = [scored(*pairs[rank::3]) for rank in range(3)]
    summed = PanopticScores.from_counts(LABELS, THINGS, sum(part.counts for part in parts))
    np.testing.assert_array_equal(summed.counts, whole.counts)
    assert summed.counts.dtype == np.int64 and (summed.counts >= 0).all()
    assert summed.quality() == whole.quality()


def test_nothing_counted():
    scores = scored((strip([0, 0]), strip([0, 0])))
    assert scores.quality() == Quality(0, 0, 0, 0) and not scores.present.any()
    assert scores.pq.tolist() == [0, 0, 0]


def test_empty_prediction():
    assert table(scored((strip([0, 0]), strip([1, 1], (1, 2)))))[2] == [0, 0, 1]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (strip([1, 1], (1, 0)), "must agree"),
        (strip([1, 1, 1], (1, 3)), "class 3, the list has 3"),
        (strip([1, 1, 2], (1, 0)), "segment 2, which is not listed"),
        (strip([1, 1, 1], (1, 0), (7, 0)), "segment 7 is listed and has no pixel"),
    ],
)
def test_maps_that_do_not_fit_count_nothing(wrong, rule):
    right = strip([1, 1, 0], (1, 0))
    scores = scored((right, right))
    before = scores.counts
    for pair in ((wrong, right), (right, wrong)):
        with pytest.raises(UserError, match=rule):
            scores.update(*pair)
        np.testing.assert_array_equal(scores.counts, before)


def test_one_thing_or_stuff_for_each_label():
    with pytest.raises(ValueError, match="2 things or stuff for 3 labels"):
        PanopticScores(LABELS, THINGS[:2])


class Strips:
    """Maps as images, with themselves as the truth; the second one is damaged."""

    def __len__(self):
        return 3

    def __getitem__(self, index):
        if index == 1:
            raise UserError("damaged")
        return np.zeros((1, 4, 3), np.uint8), strip([1, 1, 2, 2], (1, index), (2, 2))

    def name(self, index):
        return f"strip {index}"


def test_a_data_set_whole_and_shared():
    def predict(image, progress):
        return strip([1, 1, 2, 2], (1, 0), (2, 2))

    whole = evaluate_panoptic(predict, Strips(), LABELS, THINGS)
    assert (whole.images, whole.failed, whole.failures[0].name) == (2, 1, "strip 1")
    assert table(whole.scores) == [[1, 1, 0], [0, 0, 0], [2, 0, 1]]
    parts = [evaluate_panoptic(predict, Strips(), LABELS, THINGS, rank=rank, ranks=2) for rank in range(2)]
    summed = parts[0].summed(parts[0].counts + parts[1].counts)
    np.testing.assert_array_equal(summed.counts, whole.counts)
    assert summed.scores.things == THINGS
