"""Bicubic resizing, which MindSpore's own kernel gets wrong on the CPU."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs.nn.resize import bicubic, cubic_weights


@pytest.mark.parametrize(("source", "target"), [(14, 14), (14, 21), (14, 9), (1, 4), (3, 1)])
def test_weights_sum_to_one(source, target):
    weights = cubic_weights(source, target)
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert weights.shape == (target, source) and weights.dtype == np.float32
    if source == target:
        np.testing.assert_array_equal(weights, np.eye(source))


def test_a_half_way_place():
    # Keys' kernel with a = -0.75 at distances 1.5, 0.5, 0.5, 1.5
    np.testing.assert_allclose(cubic_weights(4, 2)[0], cubic_weights(4, 2)[1][::-1])
    np.testing.assert_allclose(cubic_weights(8, 4)[1, 1:5], [-0.09375, 0.59375, 0.59375, -0.09375], atol=1e-6)


def test_like_torch(mode):
    torch = pytest.importorskip("torch")
    grid = np.random.default_rng(0).standard_normal((5, 7, 3)).astype(np.float32)
    for size in ((8, 3), (5, 14)):
        theirs = torch.nn.functional.interpolate(
            torch.tensor(grid).permute(2, 0, 1)[None], size, mode="bicubic", align_corners=False
        )
        ours = _run(grid, size)
        np.testing.assert_allclose(ours, theirs[0].permute(1, 2, 0).numpy(), atol=1e-5)


def test_axes_are_independent(mode):
    rows = np.broadcast_to(np.arange(5, dtype=np.float32)[:, None, None], (5, 4, 2)).copy()
    out = _run(rows, (10, 4))
    np.testing.assert_allclose(out, np.broadcast_to(out[:, :1, :1], out.shape), atol=1e-5)
    np.testing.assert_allclose(out[:, 0, 0], cubic_weights(5, 10) @ np.arange(5), atol=1e-5)


class Resize(ms.nn.Cell):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def construct(self, x):
        return bicubic(x, self.size)


def _run(grid, size):
    return Resize(size)(ms.Tensor(grid)).asnumpy()
