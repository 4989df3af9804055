"""Every cell against PyTorch's operation of the same name, values and gradients."""

import mindspore as ms
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ms_ovs.nn.attention import SelfAttention
from ms_ovs.nn.bottleneck import Bottleneck
from ms_ovs.nn.init import initialize
from ms_ovs.nn.norm import LayerNorm, unit
from ms_ovs.nn.patch_embedding import PatchEmbedding
from ms_ovs.nn.upsample import BlockUpsample


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def peer(parameter):
    """The parameter as a PyTorch tensor."""
    return torch.from_numpy(parameter.asnumpy())


def random_cell(cell, seed=0):
    """The cell with every parameter drawn, biases and norms too."""
    rng = np.random.default_rng(seed)
    for parameter in cell.get_parameters():
        draw = rng.standard_normal(parameter.shape) * 0.3
        if "variance" in parameter.name:
            draw = 1 + np.abs(draw)
        parameter.set_data(ms.Tensor(draw.astype(np.float32)))
    return cell.set_train(False)


@pytest.mark.parametrize("epsilon", [1e-5, 1e-6, 0.5])
def test_layer_norm(mode, epsilon):
    cell, x = random_cell(LayerNorm(96, epsilon=epsilon)), normal(2, 7, 96) * 3 + 5
    theirs = torch.from_numpy(x).requires_grad_()
    y = F.layer_norm(theirs, (96,), peer(cell.gamma), peer(cell.beta), epsilon)
    (y**2).sum().backward()
    (_, ours), gradient = ms.value_and_grad(SumOfSquares(cell), has_aux=True)(ms.Tensor(x))
    np.testing.assert_allclose(ours.asnumpy(), y.detach(), atol=1e-5)
    np.testing.assert_allclose(gradient.asnumpy(), theirs.grad, atol=1e-4)


class SumOfSquares(ms.nn.Cell):
    """Of what a cell makes of its input, and this."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell

    def construct(self, x):
        y = self.cell(x)
        return (y**2).sum(), y


def test_unit_has_no_epsilon(mode):
    x = normal(3, 5) * 1e-12
    np.testing.assert_allclose(np.linalg.norm(unit(ms.Tensor(x)).asnumpy(), axis=-1), 1, atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_self_attention(mode, masked):
    cell, x = random_cell(SelfAttention(width=32, heads=4)), normal(2, 9, 32)
    mask = np.triu(np.full((9, 9), -np.inf, np.float32), 1) if masked else None
    q, k, v = F.linear(torch.from_numpy(x), peer(cell.qkv.weight).T, peer(cell.qkv.bias)).chunk(3, -1)
    split = [t.reshape(2, 9, 4, 8).transpose(1, 2) for t in (q, k, v)]
    mixed = F.scaled_dot_product_attention(*split, is_causal=masked).transpose(1, 2).reshape(2, 9, 32)
    theirs = F.linear(mixed, peer(cell.proj.weight).T, peer(cell.proj.bias))
    ours = cell(ms.Tensor(x), ms.Tensor(mask)) if masked else cell(ms.Tensor(x))
    np.testing.assert_allclose(ours.asnumpy(), theirs, atol=1e-5)


@pytest.mark.parametrize("bias", [False, True])
def test_patch_embedding_is_the_convolution(mode, bias):
    cell = random_cell(PatchEmbedding(patch_size=4, width=10, bias=bias))
    x = normal(2, 3, 12, 8)
    theirs = F.conv2d(torch.from_numpy(x), peer(cell.weight), peer(cell.bias) if bias else None, stride=4)
    np.testing.assert_allclose(cell(ms.Tensor(x)).asnumpy(), theirs.flatten(2).transpose(1, 2), atol=1e-5)


@pytest.mark.parametrize("factor", [2, 4, 8])
def test_block_upsample_is_the_transposed_convolution(mode, factor):
    cell, x = random_cell(BlockUpsample(6, factor)), normal(2, 6, 5, 3)
    theirs = F.conv_transpose2d(torch.from_numpy(x), peer(cell.weight), peer(cell.bias), stride=factor)
    np.testing.assert_allclose(cell(ms.Tensor(x)).asnumpy(), theirs, atol=1e-5)


@pytest.mark.parametrize("pooled", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
def test_bottleneck(mode, pooled, stride):
    cell, x = random_cell(Bottleneck(8, 4, stride=stride, pooled=pooled)), normal(2, 8, 6, 10)

    def bn(y, norm):
        stats = peer(norm.moving_mean), peer(norm.moving_variance)
        return F.batch_norm(y, *stats, peer(norm.gamma), peer(norm.beta), eps=1e-5)

    t = torch.from_numpy(x)
    y = F.relu(bn(F.conv2d(t, peer(cell.conv1.weight)), cell.bn1))
    y = F.conv2d(y, peer(cell.conv2.weight), padding=1, stride=1 if pooled else stride)
    y = F.relu(bn(y, cell.bn2))
    y = F.avg_pool2d(y, stride) if pooled else y
    y = bn(F.conv2d(y, peer(cell.conv3.weight)), cell.bn3)
    shortcut = F.avg_pool2d(t, stride) if pooled else t
    shortcut = F.conv2d(shortcut, peer(cell.downsample.conv.weight), stride=1 if pooled else stride)
    theirs = F.relu(y + bn(shortcut, cell.downsample.bn))
    np.testing.assert_allclose(cell(ms.Tensor(x)).asnumpy(), theirs, atol=2e-5)


def test_initialize_depends_on_the_seed_alone():
    first, second, other = (PatchEmbedding(patch_size=4, width=10, bias=True) for _ in range(3))
    for cell, seed in ((first, 1), (second, 1), (other, 2)):
        initialize(cell, seed)
    assert (first.weight.asnumpy() == second.weight.asnumpy()).all()
    assert (first.weight.asnumpy() != other.weight.asnumpy()).all()
    assert (first.bias.asnumpy() == 0).all()
