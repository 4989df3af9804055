"""Bilinear resizing, and its gradient by products."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn

from ms_ovs.nn import resize
from ms_ovs.nn.resize import bilinear, linear_weights

# enlarged, made smaller, taller and narrower, to one place, from one place, as it is
SIZES = [
    *[((6, 5), (24, 19)), ((9, 12), (4, 5)), ((5, 7), (11, 4))],
    *[((7, 3), (1, 2)), ((1, 1), (3, 4)), ((5, 8), (5, 8))],
]


class Weighted(nn.Cell):
    """Maps resized, each times a number for each of its places, summed; and the resized maps.

    One graph of all sizes takes less time to compile than one for each.
    """

    def __init__(self, sizes, align_corners):
        super().__init__()
        self.sizes, self.align_corners = sizes, align_corners

    def construct(self, *inputs):
        count = len(self.sizes)
        total, resized = 0.0, []
        for x, weight, size in zip(inputs[:count], inputs[count:], self.sizes):  # noqa: B905 - unknown to the compiler
            y = bilinear(x, size, align_corners=self.align_corners)
            total = total + (y * weight).sum()
            resized.append(y)
        return total, tuple(resized)


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def theirs(x, size, align_corners, weight):
    """torch's map and gradient."""
    x = torch.tensor(x, requires_grad=True)
    out = nn_interpolate(x, size, align_corners)
    (out * torch.tensor(weight)).sum().backward()
    return out.detach().numpy(), x.grad.numpy()


def nn_interpolate(x, size, align_corners):
    return torch.nn.functional.interpolate(x, size, mode="bilinear", align_corners=align_corners)


@pytest.mark.parametrize("align_corners", [False, True])
def test_like_torch(mode, align_corners):
    cell = Weighted([size for _, size in SIZES], align_corners)
    differentiate = ms.value_and_grad(cell, tuple(range(len(SIZES))), has_aux=True)
    for seed in (0, 1):  # a second call, whose gradient is its own
        maps = [drawn(2, 3, *source, seed=seed) for source, _ in SIZES]
        weights = [drawn(2, 3, *size, seed=seed + 5) for _, size in SIZES]
        (_, resized), slopes = differentiate(*map(ms.Tensor, maps), *map(ms.Tensor, weights))
        for x, weight, y, slope, (source, size) in zip(maps, weights, resized, slopes, SIZES, strict=True):
            expected, gradient = theirs(x, size, align_corners, weight)
            name = f"{source} to {size}"
            np.testing.assert_allclose(y.asnumpy(), expected, atol=1e-5, err_msg=name)
            np.testing.assert_allclose(slope.asnumpy(), gradient, atol=1e-5, err_msg=name)


@pytest.mark.parametrize("align_corners", [False, True])
def test_products_and_the_kernel_agree(pynative, monkeypatch, align_corners):
    x, weight = ms.Tensor(drawn(1, 2, 40, 30)), ms.Tensor(drawn(1, 2, 90, 100))
    found = []
    for by_products in (True, False):
        monkeypatch.setattr(resize, "_by_products", lambda height, width, chosen=by_products: chosen)
        differentiate = ms.grad(Weighted([(90, 100)], align_corners), has_aux=True)
        found.append(differentiate(x, weight)[0].asnumpy())
    np.testing.assert_allclose(*found, atol=1e-5)
    assert not np.array_equal(*found), "two ways"


def test_long_sides_are_left_to_the_kernel():
    assert resize._by_products(160, 20) and not resize._by_products(20, 161)


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(("source", "target"), [(14, 14), (14, 21), (14, 9), (1, 4), (3, 1)])
def test_weights_sum_to_one(source, target, align_corners):
    weights = linear_weights(source, target, align_corners)
    assert weights.shape == (target, source) and weights.dtype == np.float32
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    if source == target:
        np.testing.assert_array_equal(weights, np.eye(source))
