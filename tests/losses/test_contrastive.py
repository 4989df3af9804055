"""CLIP's loss against PyTorch's, on one process; several are in tests/training/test_distributed.py."""

import mindspore as ms
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ms_ovs.losses.contrastive import ContrastiveLoss

RNG = np.random.default_rng(3)
IMAGE, TEXT = (RNG.standard_normal((5, 7)).astype(np.float32) for _ in range(2))


def theirs(log_scale):
    image, text = (torch.tensor(array, requires_grad=True) for array in (IMAGE, TEXT))
    scale = torch.tensor(log_scale, requires_grad=True)
    logits = scale.exp() * F.normalize(image) @ F.normalize(text).T
    own = torch.arange(len(IMAGE))
    loss = (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2
    loss.backward()
    return loss.item(), [image.grad.numpy(), text.grad.numpy(), scale.grad.numpy()]


@pytest.mark.parametrize("log_scale", [0.0, 2.6592])
def test_loss_and_gradients_are_torchs(mode, log_scale):
    loss = ContrastiveLoss()
    inputs = [ms.Tensor(IMAGE), ms.Tensor(TEXT), ms.Tensor(log_scale, ms.float32)]
    value, gradients = ms.value_and_grad(loss, (0, 1, 2))(*inputs)
    expected, grads = theirs(log_scale)
    assert float(value) == pytest.approx(expected, rel=1e-5)
    for ours, other in zip(gradients, grads, strict=True):
        np.testing.assert_allclose(ours.asnumpy(), other, atol=2e-6, rtol=1e-4)


def test_the_scale_ends_at_a_hundred(mode):
    loss = ContrastiveLoss()
    most, beyond = (
        float(loss(ms.Tensor(IMAGE), ms.Tensor(TEXT), ms.Tensor(np.log(scale), ms.float32)))
        for scale in (100, 400)
    )
    assert most == pytest.approx(beyond, rel=1e-5)
