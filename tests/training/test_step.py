"""The compiled step against PyTorch's: loss, gradients, momentum and update."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn
from torch.nn import functional as F

from ms_ovs.errors import UserError
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.nn.layers import conv2d
from ms_ovs.training.groups import GroupSettings, group
from ms_ovs.training.optimizer import SGD
from ms_ovs.training.schedule import poly
from ms_ovs.training.step import NetworkWithLoss, TrainStep

RNG = np.random.default_rng(0)
IMAGE = RNG.standard_normal((2, 3, 6, 5)).astype(np.float32)
TEXT = RNG.standard_normal((4, 8)).astype(np.float32)
TARGET = RNG.integers(-1, 4, (2, 6, 5)).astype(np.int32)
WEIGHTS = {name: RNG.standard_normal(shape).astype(np.float32) * 0.3 for name, shape in {
    "body.weight": (8, 3, 3, 3), "body.bias": (8,), "frozen.weight": (8, 8, 1, 1),
}.items()}  # fmt: skip


class Net(nn.Cell):
    """A convolution that learns and one that does not, then the product with the words."""

    def __init__(self):
        super().__init__()
        self.body = conv2d(3, 8, 3, padding=1, bias=True)
        self.frozen = conv2d(8, 8, 1)
        for parameter in self.get_parameters():
            parameter.set_data(ms.Tensor(WEIGHTS[parameter.name]))

    def construct(self, image, text):
        x = self.frozen(self.body(image))
        batch, width, height, columns = x.shape
        product = ms.ops.matmul(text, x.reshape(batch, width, height * columns))
        return product.reshape(batch, -1, height, columns)


RULES = (GroupSettings(pattern="frozen.*", frozen=True), GroupSettings(pattern="*.bias", lr_factor=10.0),
         GroupSettings(pattern="*", decay_factor=0.5))  # fmt: skip


def test_steps_are_those_of_torch(mode):
    net = Net()
    optimizer = SGD(group(net, RULES), momentum=0.9, weight_decay=0.1)
    step = TrainStep(NetworkWithLoss(net, PixelCrossEntropy()), optimizer)

    peers = {name: torch.tensor(value, requires_grad="body" in name) for name, value in WEIGHTS.items()}
    torch_sgd = torch.optim.SGD(
        [
            {"params": [peers["body.bias"]], "lr": 0.5, "weight_decay": 0.1},
            {"params": [peers["body.weight"]], "lr": 0.05, "weight_decay": 0.05},
        ],
        momentum=0.9,
    )
    for rate in (0.05, 0.05, 0.02):
        for torch_group, factor in zip(torch_sgd.param_groups, (10, 1), strict=True):
            torch_group["lr"] = rate * factor
        loss, norm = step(ms.Tensor(rate, ms.float32), ms.Tensor(IMAGE), ms.Tensor(TEXT), ms.Tensor(TARGET))
        x = F.conv2d(torch.from_numpy(IMAGE), peers["body.weight"], peers["body.bias"], padding=1)
        logits = torch.einsum("cd,bdhw->bchw", torch.from_numpy(TEXT), F.conv2d(x, peers["frozen.weight"]))
        theirs = F.cross_entropy(logits, torch.from_numpy(TARGET).long(), ignore_index=-1)
        torch_sgd.zero_grad()
        theirs.backward()
        grads = torch.cat([peers[name].grad.ravel() for name in ("body.bias", "body.weight")])
        torch_sgd.step()
        assert float(loss) == pytest.approx(theirs.item(), rel=1e-5)
        assert float(norm) == pytest.approx(grads.norm().item(), rel=1e-5)
    for parameter in net.get_parameters():
        np.testing.assert_allclose(parameter.asnumpy(), peers[parameter.name].detach(), atol=1e-5)
    np.testing.assert_array_equal(net.frozen.weight.asnumpy(), WEIGHTS["frozen.weight"])


def test_all_ignored_is_not_a_number(mode):
    logits = ms.Tensor(RNG.standard_normal((1, 3, 4, 4)).astype(np.float32))
    target = ms.Tensor(np.full((1, 4, 4), -1, np.int32))
    assert np.isnan(float(PixelCrossEntropy()(logits, target)))


def test_groups_must_fit():
    with pytest.raises(UserError, match="'body.bias' is in no group"):
        group(Net(), (GroupSettings(pattern="*.weight"),))
    with pytest.raises(UserError, match="group 'head.*' fits no parameter that learns"):
        group(Net(), (GroupSettings(pattern="head.*"), GroupSettings(pattern="*")))


def test_poly_falls_from_one_to_nothing():
    assert [poly(0, power=0.9), poly(0.5, power=0.9), poly(1, power=0.9)] == [1, 0.5**0.9, 0]
