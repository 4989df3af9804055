"""The regularisation block on the scores of every label, against PyTorch's: values and gradients."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn
from torch.nn import functional as F

from ms_ovs.models.lseg.heads import HeadBlock

BOTTLENECK, DEPTHWISE = 1, 2
ACTIVATIONS = {"tanh": torch.tanh, "lrelu": lambda x: F.leaky_relu(x, 0.01)}


class Loss(nn.Cell):
    """The sum of squares of what the block makes of scores."""

    def __init__(self, block):
        super().__init__()
        self.block = block

    def construct(self, scores):
        y = self.block(scores)
        return (y * y).sum(), y


@pytest.mark.parametrize(
    ("option", "depth", "activation"), [(BOTTLENECK, 2, "tanh"), (DEPTHWISE, 3, "lrelu")]
)
def test_values_and_gradients_are_torchs(mode, option, depth, activation):
    rng = np.random.default_rng(0)
    scores, kernel = (rng.standard_normal(shape).astype(np.float32) for shape in ((2, 4, 5, 6), (1, 1, 3, 3)))
    block = HeadBlock(arch_option=option, depth=depth, activation=activation)
    block.conv.weight.set_data(ms.Tensor(kernel))
    block.conv.bias.set_data(ms.Tensor([0.3], ms.float32))

    x, weight, bias = (torch.tensor(value, requires_grad=True) for value in (scores, kernel, [0.3]))
    y = x
    for step in range(depth):
        # one filter for all labels, which are images of their own
        filtered = F.conv2d(y.reshape(8, 1, 5, 6), weight, bias, padding=1).reshape(2, 4, 5, 6)
        filtered = filtered + y.amax(1, keepdim=True) if option == BOTTLENECK else filtered
        y = ACTIVATIONS[activation](filtered) if step < depth - 1 else filtered
    y.square().sum().backward()

    differentiate = ms.value_and_grad(Loss(block), 0, [block.conv.weight, block.conv.bias], has_aux=True)
    (_, ours), (of_scores, of_parameters) = differentiate(ms.Tensor(scores))
    np.testing.assert_allclose(ours.asnumpy(), y.detach(), rtol=1e-4, atol=1e-5)
    for mine, peer in zip((of_scores, *of_parameters), (x, weight, bias), strict=True):
        np.testing.assert_allclose(mine.asnumpy(), peer.grad, rtol=1e-3, atol=1e-4)
