"""The refinements against NumPy's plain arithmetic."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs.models.maskclip.class_weight import class_weights
from ms_ovs.models.maskclip.refine import denoised, normalised_keys, smoothed


@pytest.fixture
def scores():
    return np.random.default_rng(0).standard_normal((2, 6, 4)).astype(np.float32) * 0.02


@pytest.fixture
def keys():
    return np.random.default_rng(1).standard_normal((2, 6, 3)).astype(np.float32)


def softmax(x):
    powers = np.exp(x - x.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def run(function, *arguments):
    return function(*(ms.Tensor(a) if isinstance(a, np.ndarray) else a for a in arguments)).asnumpy()


def test_denoising_removes_a_class_from_the_images_where_it_is_unlikely(mode, scores):
    best = softmax(100 * scores).max(1)
    threshold = float(np.sort(best.ravel())[3:5].mean())
    after = run(denoised, scores, threshold)
    removed = best < threshold
    assert 0 < removed.sum() < removed.size
    assert (after.swapaxes(1, 2)[removed] == -100).all()
    np.testing.assert_array_equal(after.swapaxes(1, 2)[~removed], scores.swapaxes(1, 2)[~removed])


@pytest.mark.parametrize(("axis", "over"), [("positions", 1), ("channels", 2)])
def test_smoothing_replaces_places_where_no_class_is_likely(mode, scores, keys, axis, over):
    probability = softmax(100 * scores)
    unit = keys / np.linalg.norm(keys, axis=over, keepdims=True)
    blended = unit @ unit.swapaxes(1, 2) @ probability
    threshold = float(np.median(probability.max(2)))
    expected = np.where(probability.max(2, keepdims=True) < threshold, blended, probability)
    np.testing.assert_allclose(run(smoothed, scores, keys, threshold, axis), expected, atol=1e-5)


def test_keys_of_zeros_stay_zeros(keys):
    keys[:, :, 1] = 0
    for axis in ("positions", "channels"):
        assert np.isfinite(run(normalised_keys, keys, axis)).all()
    keys[:, 2] = 0
    assert not run(normalised_keys, keys, "channels")[:, 2].any()


def test_class_weights():
    image = np.array([[3.0, 0], [0, 0.1]], np.float32)
    text = np.array([[1.0, 0], [0, 1], [0, 0.5]], np.float32)
    cosines = np.array([[1, 0, 0], [0, 1, 0.5]])
    for tau in (1, 0.25):
        weights = class_weights(image, text, tau)
        np.testing.assert_allclose(weights, softmax(cosines / tau), rtol=1e-6)
        np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-6)
    assert weights.dtype == np.float32
