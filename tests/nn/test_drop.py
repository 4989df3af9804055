"""What training leaves out at random."""

from itertools import pairwise

import mindspore as ms
import numpy as np
import pytest

from ms_ovs.nn.drop import ChannelDropout, DropPath

X = np.random.default_rng(0).standard_normal((64, 8, 2, 3)).astype(np.float32) + 3


class Sum(ms.nn.Cell):
    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, x):
        return self.cell(x).sum()


@pytest.mark.parametrize("kind", [DropPath, ChannelDropout])
def test_evaluation_and_rate_0_change_nothing(mode, kind):
    x = ms.Tensor(X)
    np.testing.assert_array_equal(kind(0.5).set_train(False)(x).asnumpy(), X)
    np.testing.assert_array_equal(kind(0.0).set_train(True)(x).asnumpy(), X)


@pytest.mark.parametrize(("kind", "inside"), [(DropPath, (1, 2, 3)), (ChannelDropout, (2, 3))])
def test_whole_parts_are_dropped_and_the_others_grow(mode, kind, inside):
    ms.set_seed(1)
    cell = kind(0.25).set_train(True)
    shares, masks = [], []
    for _ in range(8):
        factor = cell(ms.Tensor(X)).asnumpy() / X
        low, high = factor.min(inside), factor.max(inside)
        np.testing.assert_allclose(low, high, rtol=1e-5)
        assert set(np.round(low.ravel(), 4)) <= {0.0, np.float32(1.3333)}
        shares.append((low == 0).mean())
        masks.append(low)
    assert np.mean(shares) == pytest.approx(0.25, abs=0.07)
    assert any((first != second).any() for first, second in pairwise(masks))


def test_what_is_dropped_has_no_gradient(mode):
    cell = DropPath(0.5).set_train(True)
    gradient = ms.grad(Sum(cell).set_train(True))(ms.Tensor(X)).asnumpy()
    assert set(np.unique(gradient)) == {0.0, 2.0}
    assert (gradient.min((1, 2, 3)) == gradient.max((1, 2, 3))).all()
