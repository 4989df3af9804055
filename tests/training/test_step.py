"""The compiled step against PyTorch's: loss, gradients, momentum and update."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn
from torch.nn import functional as F

from ms_ovs.errors import UserError
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm
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


def BATCH(image=IMAGE, target=TARGET):
    return ms.Tensor(image), ms.Tensor(TEXT), ms.Tensor(target)


def arguments(rate=0.05, last=True):
    return ms.Tensor(rate, ms.float32), ms.Tensor(last), ms.Tensor(0.0, ms.float32)


def built(rules=(GroupSettings(pattern="*"),), net=None, **options):
    net = net or Net()
    return net, TrainStep(
        NetworkWithLoss(net, PixelCrossEntropy()).set_train(True),
        SGD(group(net, rules), momentum=0.9, weight_decay=0.1),
        **options,
    )


def weights(net):
    return {parameter.name: parameter.asnumpy().copy() for parameter in net.get_parameters()}


def equal(these, those):
    return all(np.array_equal(these[name], those[name]) for name in these)


def test_accumulated_passes_are_the_step_of_one_large_batch(mode):
    pieces, whole = built(accumulate=2), built()
    for _ in range(2):
        for index in range(2):  # no pixel ignored: the mean of two means is then that of all
            before = weights(pieces[0])
            half = BATCH(IMAGE[index : index + 1], np.maximum(TARGET[index : index + 1], 0))
            *_, finite, _ = pieces[1](*arguments(last=index == 1), *half)
            assert bool(finite)
            assert equal(before, weights(pieces[0])) == (index == 0)
        whole[1](*arguments(), *BATCH(target=np.maximum(TARGET, 0)))
    for name, value in weights(whole[0]).items():
        np.testing.assert_allclose(weights(pieces[0])[name], value, atol=2e-6)


def test_a_pass_that_is_not_finite_spoils_its_step_alone(mode):
    net, step = built(accumulate=2)
    spoilt, start = np.full_like(IMAGE, np.inf), weights(net)
    for last, image in ((False, spoilt), (True, IMAGE)):
        *_, finite, _ = step(*arguments(last=last), *BATCH(image))
        assert not bool(finite)
    assert equal(start, weights(net))
    for last in (False, True):
        *_, finite, _ = step(*arguments(last=last), *BATCH())
        assert bool(finite)
    clean, other = built(accumulate=2)
    for last in (False, True):
        other(*arguments(last=last), *BATCH())
    assert equal(weights(net), weights(clean)) and not equal(start, weights(net))


class NormedNet(Net):
    """The same with batch norm, whose statistics a pass forward changes."""

    def __init__(self):
        super().__init__()
        self.norm = batch_norm(8)

    def construct(self, image, text):
        x = self.norm(self.body(image))
        batch, width, height, columns = x.shape
        product = ms.ops.matmul(text, x.reshape(batch, width, height * columns))
        return product.reshape(batch, -1, height, columns)


def test_statistics_survive_a_pass_that_is_not_finite(mode):
    net, step = built(net=NormedNet())
    step(*arguments(), *BATCH())
    kept = weights(net)
    assert kept["norm.moving_mean"].any()
    step(*arguments(), *BATCH(np.full_like(IMAGE, np.nan)))
    assert equal(kept, weights(net))
    step(*arguments(), *BATCH())
    assert not np.array_equal(kept["norm.moving_mean"], net.norm.moving_mean.asnumpy())


def test_clipping_is_torchs(mode):
    net, step = built(clip_norm=0.5)
    start = weights(net)
    _, norm, _, _ = step(*arguments(0.1), *BATCH())
    assert float(norm) > 0.5  # told as it was
    plain, other = built()
    other(*arguments(0.1), *BATCH())
    factor = 0.5 / (float(norm) + 1e-6)
    for name, value in start.items():
        moved, unclipped = weights(net)[name] - value, weights(plain)[name] - value
        decay = -0.1 * 0.1 * value  # added by the optimizer, behind the clipping
        np.testing.assert_allclose(moved - decay, (unclipped - decay) * factor, atol=1e-6)


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
        loss, norm, finite, _ = step(*arguments(rate), *BATCH())
        assert bool(finite)
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
