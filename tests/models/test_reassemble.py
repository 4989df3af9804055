"""The resampling of a tap's grid: sizes, and the strided convolution against PyTorch's."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn

from ms_ovs.errors import UserError
from ms_ovs.models.lseg.reassemble import Reassemble
from ms_ovs.nn.init import initialize


class Loss(nn.Cell):
    """The sum of squares of what a cell makes of tokens on an 8 × 12 grid."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, tokens):
        y = self.cell(tokens, (8, 12))
        return (y * y).sum()


def tokens(rows, columns):
    return ms.Tensor(np.random.default_rng(0).standard_normal((2, 1 + rows * columns, 6)).astype(np.float32))


@pytest.mark.parametrize(
    ("factor", "size"), [(4, (32, 16)), (2, (16, 8)), (1, (8, 4)), (-2, (4, 2)), (-4, (2, 1))]
)
def test_sizes(mode, factor, size):
    cell = Reassemble(width=6, channels=5, factor=factor)
    assert cell(tokens(8, 4), (8, 4)).shape == (2, 5, *size)


def test_quarter_is_the_strided_convolution_of_torch(mode):
    cell, same = (Reassemble(width=6, channels=5, factor=factor) for factor in (-4, 1))
    initialize(cell, 3)
    for name, parameter in same.parameters_and_names():
        parameter.set_data(dict(cell.parameters_and_names())[name].value())
    weight = torch.tensor(cell.resample.weight.asnumpy(), requires_grad=True)
    bias = torch.linspace(-1, 1, 5)
    cell.resample.bias.set_data(ms.Tensor(bias.numpy()))
    grid = torch.from_numpy(same(tokens(8, 12), (8, 12)).asnumpy())
    wanted = torch.conv2d(grid, weight, bias, stride=4, padding=1)
    got = cell(tokens(8, 12), (8, 12))
    np.testing.assert_allclose(got.asnumpy(), wanted.detach().numpy(), rtol=1e-5, atol=1e-6)
    wanted.square().sum().backward()
    gradient = ms.grad(Loss(cell), None, cell.resample.weight)(tokens(8, 12))
    np.testing.assert_allclose(gradient.asnumpy(), weight.grad.numpy(), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("factor", [0, -1, 3, -3, 6, -12])
def test_other_factors_are_refused(factor):
    with pytest.raises(UserError, match=f"the factor {factor}: it must be 1, or a power of two"):
        Reassemble(width=6, channels=5, factor=factor)
