"""Channel norm, units and heads of dense networks, against PyTorch written as mmsegmentation has it."""

import mindspore as ms
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from ms_ovs.nn.all_mlp_head import AllMLPHead
from ms_ovs.nn.aspp import DeepLabV2Head, DeepLabV3PlusHead
from ms_ovs.nn.conv_unit import ConvUnit
from ms_ovs.nn.norm import ChannelNorm


def normal(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def drawn(cell, seed=0):
    """The cell with every parameter drawn, and the same as leaves of PyTorch, by our names."""
    rng, peers = np.random.default_rng(seed), {}
    for name, parameter in cell.parameters_and_names():
        draw = rng.standard_normal(parameter.shape) / np.sqrt(max(1, parameter.size // parameter.shape[0]))
        draw = 1 + np.abs(draw) if "variance" in name or "gamma" in name else draw
        parameter.set_data(ms.Tensor(draw.astype(np.float32)))
        peers[name] = torch.from_numpy(draw.astype(np.float32)).requires_grad_(".moving" not in name)
    return cell, peers


class Loss(ms.nn.Cell):
    """The sum of squares of what a cell makes of its inputs, and this."""

    def __init__(self, cell, several):
        super().__init__()
        self.cell = cell
        self.several = several

    def construct(self, *inputs):
        result = self.cell(inputs) if self.several else self.cell(*inputs)
        return (result * result).sum(), result


class Peer:
    """mmcv's ConvModule by the names of our units."""

    def __init__(self, weights, training):
        self.weights, self.training = weights, training

    def norm(self, x, name):
        stats = [self.weights[f"{name}.moving_{part}"].clone() for part in ("mean", "variance")]
        affine = self.weights[f"{name}.gamma"], self.weights[f"{name}.beta"]
        return F.relu(F.batch_norm(x, *stats, *affine, training=self.training, eps=1e-5))

    def unit(self, x, name, *, dilation=1, groups=1):
        weight = self.weights[f"{name}.conv.weight"]
        padding = dilation * (weight.shape[-1] // 2)
        return self.norm(F.conv2d(x, weight, padding=padding, dilation=dilation, groups=groups), f"{name}.bn")

    def separable(self, x, name, dilation=1):
        x = self.unit(x, f"{name}.depthwise", dilation=dilation, groups=x.shape[1])
        return self.unit(x, f"{name}.pointwise")


def resized(x, like):
    return F.interpolate(x, size=like.shape[2:], mode="bilinear", align_corners=False)


def all_mlp(peer, *maps):
    parts = [resized(peer.unit(x, f"units.{k}"), maps[0]) for k, x in enumerate(maps)]
    return peer.norm(F.conv2d(torch.cat(parts, 1), peer.weights["fusion.weight"]), "fusion.bn")


def deeplab_v2(peer, x):
    return sum(peer.unit(x, f"branches.{k}", dilation=d) for k, d in enumerate((6, 12, 18, 24)))


def deeplab_v3_plus(peer, fine, coarse):
    pooled = peer.unit(F.adaptive_avg_pool2d(coarse, 1), "pool")
    parts = [resized(pooled, coarse), peer.unit(coarse, "branches.0")]
    parts += [peer.separable(coarse, f"branches.{k}", d) for k, d in ((1, 12), (2, 24), (3, 36))]
    x = resized(peer.unit(torch.cat(parts, 1), "join"), fine)
    x = torch.cat([x, peer.unit(fine, "detail")], 1)
    return peer.separable(peer.separable(x, "refine1"), "refine2")


HEADS = {
    "all_mlp": (
        lambda: AllMLPHead((4, 6, 8, 10), features=12),
        all_mlp,
        ((2, 4, 13, 16), (2, 6, 7, 8), (2, 8, 4, 4), (2, 10, 2, 2)),
    ),
    "deeplab_v2": (lambda: DeepLabV2Head(8, features=5), deeplab_v2, ((2, 8, 9, 12),)),
    "deeplab_v3_plus": (
        lambda: DeepLabV3PlusHead(6, 8, features=5, details=3),
        deeplab_v3_plus,
        ((3, 6, 18, 23), (3, 8, 9, 12)),
    ),
}


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", HEADS)
def test_heads_and_their_gradients(mode, name, training):
    build, theirs, shapes = HEADS[name]
    cell, weights = drawn(build())
    cell.set_train(training)
    inputs = [normal(*shape, seed=k) for k, shape in enumerate(shapes)]
    expected = theirs(Peer(weights, training), *map(torch.from_numpy, inputs))
    expected.square().sum().backward()
    loss = Loss(cell, several=name == "all_mlp")
    tensors = [ms.Tensor(x) for x in inputs]
    parameters = loss.trainable_params()
    (_, ours), gradients = ms.value_and_grad(loss, None, parameters, has_aux=True)(*tensors)
    peers = [weights[parameter.name.removeprefix("cell.")].grad for parameter in parameters]
    assert len(parameters) == sum(weight.requires_grad for weight in weights.values())
    scale = max(float(peer.abs().max()) for peer in peers)
    for parameter, gradient, peer in zip(parameters, gradients, peers, strict=True):
        np.testing.assert_allclose(
            gradient.asnumpy(), peer, rtol=1e-3, atol=1e-5 * scale, err_msg=parameter.name
        )
        assert np.abs(gradient.asnumpy()).max() > 0, parameter.name
    np.testing.assert_allclose(ours.asnumpy(), expected.detach(), rtol=1e-4, atol=2e-5)


@pytest.mark.parametrize(("batch", "epsilon"), [(2, 1e-6), (2, 0.5), (1, 1e-6)])
def test_channel_norm_is_layer_norm_of_pixels(mode, batch, epsilon):
    cell, weights = drawn(ChannelNorm(24, epsilon=epsilon))
    x = normal(batch, 24, 3, 5) * 3 + 5
    theirs = torch.from_numpy(x).requires_grad_()
    y = F.layer_norm(theirs.permute(0, 2, 3, 1), (24,), weights["gamma"], weights["beta"], epsilon)
    y.square().sum().backward()
    loss = Loss(cell, several=False)
    differentiate = ms.value_and_grad(loss, 0, loss.trainable_params(), has_aux=True)
    (_, result), (ours, (gamma, beta)) = differentiate(ms.Tensor(x))
    np.testing.assert_allclose(result.asnumpy(), y.detach().permute(0, 3, 1, 2), atol=1e-5)
    np.testing.assert_allclose(ours.asnumpy(), theirs.grad, atol=1e-4)
    np.testing.assert_allclose(gamma.asnumpy(), weights["gamma"].grad, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(beta.asnumpy(), weights["beta"].grad, rtol=1e-4, atol=1e-4)


def test_the_weight_of_a_depthwise_unit():
    assert ConvUnit(6, 6, 3, groups=6).conv.weight.shape == (6, 1, 3, 3)
