"""Cross entropy of pixels against torch's, with its gradient."""

import mindspore as ms
import numpy as np
import pytest
import torch

from ms_ovs.losses.cross_entropy import PixelCrossEntropy

SHAPE = (2, 7, 5, 6)


def drawn(seed, scale=1.0):
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal(SHAPE) * scale).astype(np.float32)
    return logits, rng.integers(-1, SHAPE[1], (SHAPE[0], *SHAPE[2:])).astype(np.int32)


def theirs(logits, target, over_all):
    logits = torch.tensor(logits, dtype=torch.float64, requires_grad=True)
    loss = torch.nn.functional.cross_entropy(
        logits, torch.tensor(target, dtype=torch.int64), ignore_index=-1, reduction="sum"
    )
    loss = loss / (target.size if over_all else (target >= 0).sum())
    loss.backward()
    return loss.item(), logits.grad.numpy()


@pytest.mark.parametrize("over_all", [False, True])
@pytest.mark.parametrize("scale", [1.0, 200.0], ids=["small", "where exp overflows"])
def test_like_torch(mode, kernels, over_all, scale):
    step = ms.value_and_grad(PixelCrossEntropy(over_all=over_all))
    for seed in (0, 1):
        logits, target = drawn(seed, scale)
        loss, gradient = step(ms.Tensor(logits), ms.Tensor(target))
        expected, slope = theirs(logits, target, over_all)
        assert float(loss) == pytest.approx(expected, rel=1e-5)
        np.testing.assert_allclose(gradient.asnumpy(), slope, atol=2e-6)
        assert (gradient.asnumpy().transpose(0, 2, 3, 1)[target == -1] == 0).all()


def test_all_ignored(pynative, kernels):
    logits, target = drawn(2)
    nothing = ms.Tensor(np.full_like(target, -1))
    step = ms.value_and_grad(PixelCrossEntropy(over_all=True))
    loss, gradient = step(ms.Tensor(logits), nothing)
    assert float(loss) == 0 and not gradient.asnumpy().any()
    assert np.isnan(float(PixelCrossEntropy()(ms.Tensor(logits), nothing)))


def test_logits_of_half_precision(pynative, kernels):
    logits, target = drawn(3)
    half = ms.Tensor(logits.astype(np.float16))
    loss, gradient = ms.value_and_grad(PixelCrossEntropy())(half, ms.Tensor(target))
    assert gradient.dtype == ms.float16
    assert float(loss) == pytest.approx(theirs(logits, target, False)[0], rel=2e-3)


def test_what_is_not_a_number_makes_the_loss_so(pynative, kernels):
    logits, target = drawn(4)
    logits[0, 3, 2, 2], target[0, 2, 2] = np.nan, 5
    assert np.isnan(float(PixelCrossEntropy()(ms.Tensor(logits), ms.Tensor(target))))


def test_many_pixels_and_classes(mode, kernels):
    rng = np.random.default_rng(5)
    logits = ms.Tensor(rng.standard_normal((2, 150, 33, 37)).astype(np.float32))
    target = rng.integers(-1, 150, (2, 33, 37)).astype(np.int32)
    loss, gradient = ms.value_and_grad(PixelCrossEntropy())(logits, ms.Tensor(target))
    expected, slope = theirs(logits.asnumpy(), target, False)
    assert float(loss) == pytest.approx(expected, rel=1e-6)
    np.testing.assert_allclose(gradient.asnumpy(), slope, atol=1e-9)


def test_a_label_that_is_no_class_makes_the_loss_not_a_number(pynative, our_kernels):
    logits, target = drawn(6)
    target[1, 3, 3] = SHAPE[1]
    assert np.isnan(float(PixelCrossEntropy()(ms.Tensor(logits), ms.Tensor(target))))
