"""Completing label maps: by hand, on scores that can be foreseen."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import create_model
from ms_ovs.models.maskclip_plus.completion import IGNORED, UNLABELLED, TeacherLabels, completed, ignoring
from tests.tiny import MASKCLIP_PLUS

pytestmark = pytest.mark.usefixtures("pynative")
OPEN = UNLABELLED

# two candidates on a grid as large as the target
SCORES = np.array([[[[0.9, 0.2], [0.1, 0.6]], [[0.3, 0.4], [0.2, 0.5]]]], np.float32)
CLASSES = ms.Tensor([7, 4], ms.int32)


def filled(target, conf_thresh=0.0, scores=SCORES):
    done = completed(ms.Tensor(np.array([target], np.int32)), ms.Tensor(scores), CLASSES, conf_thresh)
    return done.asnumpy()[0].tolist()


def test_what_is_open_gets_the_best_candidate():
    assert filled([[OPEN, OPEN], [OPEN, OPEN]]) == [[7, 4], [4, 7]]
    assert filled([[3, OPEN], [IGNORED, OPEN]]) == [[3, 4], [IGNORED, 7]]


def test_confidence_counts_for_labelled_pixels_too():
    assert filled([[3, OPEN], [2, OPEN]], 0.45) == [[3, IGNORED], [IGNORED, 7]]


def test_a_target_without_open_pixels_stays():
    assert filled([[3, 1], [IGNORED, 2]], 0.45) == [[3, 1], [IGNORED, 2]]


def test_scores_are_resized_before_the_best_is_taken():
    scores = np.array([[[[1.0, 0.0]], [[0.0, 2.0]]]], np.float32)  # 1×2, to 1×4
    target = ms.Tensor(np.full((1, 1, 4), OPEN, np.int32))
    # of the candidates 7 falls 1, .75, .25, 0 and 4 rises 0, .5, 1.5, 2
    assert completed(target, ms.Tensor(scores), CLASSES, 0.0).asnumpy().tolist() == [[[7, 7, 4, 4]]]


def test_what_stays_open_is_ignored():
    assert ignoring(ms.Tensor([[1, OPEN, IGNORED]], ms.int32)).asnumpy().tolist() == [[1, IGNORED, IGNORED]]


def student(name):
    system, variant, options, shape = MASKCLIP_PLUS[name]
    rng = np.random.default_rng(0)
    model = create_model(system, variant=variant, seed=3, **options)
    image, text = (ms.Tensor(rng.standard_normal(size).astype(np.float32)) for size in (shape, (5, 24)))
    return model, image, text


def test_the_teacher_knows_the_candidates_alone():
    model, image, text = student("plus_segformer")
    target = ms.Tensor(np.full((2, *image.shape[2:]), OPEN, np.int32))
    found = TeacherLabels(model, np.array([1, 3]))(image, text, target).asnumpy()
    assert set(np.unique(found)) <= {1, 3}
    features = model.teacher(image).asnumpy()
    np.testing.assert_allclose(np.linalg.norm(features, axis=1), 1, rtol=1e-5)
    best = np.einsum("cd,bdhw->bchw", text.asnumpy()[[1, 3]], features)
    scores = TeacherLabels(model, np.array([1, 3])).scores(image, text).asnumpy()
    np.testing.assert_allclose(scores, best, rtol=1e-4, atol=1e-5)


def test_candidates_are_numbered_with_the_background_in_front():
    model, image, text = student("plus_deeplabv3plus")
    features = model.teacher(image).asnumpy()
    scores = TeacherLabels(model, np.array([1, 5])).scores(image, text).asnumpy()
    expected = np.einsum("cd,bdhw->bchw", text.asnumpy()[[0, 4]], features)
    np.testing.assert_allclose(scores, expected, rtol=1e-4, atol=1e-4)


def test_the_refinements_see_the_candidates_alone():
    model, image, text = student("plus_segformer")
    text = text / 100  # near enough to each other for places to be unsure
    cosines = model.teacher.scores(image, text[1:3], pd_thresh=0.0, ks_thresh=0.0).asnumpy()
    sharp = np.exp(100 * (cosines - cosines.max(1, keepdims=True)))
    expected = sharp / sharp.sum(1, keepdims=True)
    best = expected.max(1, keepdims=True)
    threshold = float(np.median(best))
    keep = best > threshold + 1e-4
    smoothed = model.teacher.scores(image, text[1:3], pd_thresh=0.0, ks_thresh=threshold).asnumpy()
    assert keep.any() and not keep.all()
    np.testing.assert_allclose(np.where(keep, smoothed, 0), np.where(keep, expected, 0), atol=1e-4)
    most = expected.max((2, 3), keepdims=True)  # of each class in each image
    threshold = float(np.sort(most.ravel())[1:3].mean())
    removed = model.teacher.scores(image, text[1:3], pd_thresh=threshold, ks_thresh=0.0).asnumpy()
    np.testing.assert_allclose(removed, np.where(most < threshold, -100, cosines), rtol=1e-4, atol=1e-5)
