"""Products in float16, everything else in float32, and the scale of the loss."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ms_ovs.errors import UserError
from ms_ovs.models.lseg.heads import HeadBlock
from ms_ovs.models.registry import create_model
from ms_ovs.nn.attention import SelfAttention
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import Linear, batch_norm
from ms_ovs.nn.norm import LayerNorm
from ms_ovs.nn.upsample import BlockUpsample
from ms_ovs.training import precision
from ms_ovs.training.precision import LossScale
from tests.modes import both, uncompiled
from tests.tiny import TINY


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


class Objective(nn.Cell):
    """The mean square of a network's logits."""

    def __init__(self, network):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, image, text):
        logits = self.network(image, text)
        return (logits * logits).mean(), logits


def results(name, level):
    """Logits, loss and all gradients in one row.

    Norms have their running statistics: over the dozen pixels of a tiny map, those of the batch make many
    times as much of a rounding.
    """
    system, variant, options, shape = TINY[name]
    network = create_model(system, variant=variant, **options)
    names = [parameter_name for parameter_name, _ in network.parameters_and_names()]
    precision.apply(network, level)
    assert [parameter_name for parameter_name, _ in network.parameters_and_names()] == names
    weights = ParameterTuple(network.trainable_params())
    differentiate = ms.value_and_grad(Objective(network), None, weights, has_aux=True)
    (loss, logits), gradients = differentiate(Tensor(draw(*shape)), Tensor(draw(3, 24, seed=1)))
    assert {tensor.dtype for tensor in (loss, logits, *gradients, *weights)} == {ms.float32}
    return logits.asnumpy(), float(loss), np.concatenate([g.asnumpy().ravel() for g in gradients])


@both(["lseg_vit", "clip_vit"], seldom=["lseg_vit"])
def test_models_compute_near_what_they_do_in_float32(mode, name, tolerance=0.005, least=1e-4):
    full, half = precision.LEVELS
    with uncompiled():  # in float32 the modes agree, to much less than what half of the digits makes
        logits, loss, gradients = results(name, full)
    half_logits, half_loss, half_gradients = results(name, half)
    assert np.isfinite(half_gradients).all()
    for ours, exact in ((half_logits, logits), (half_gradients, gradients)):
        assert least < np.linalg.norm(ours - exact) / np.linalg.norm(exact) < tolerance
    assert half_loss == pytest.approx(loss, rel=tolerance)


# 2049 is no float16, and becomes 2048
PRODUCTS = {
    "linear": (lambda: Linear(1, 1), (1, 1)),
    "upsample": (lambda: BlockUpsample(1, 1), (1, 1, 1, 1)),
    "conv2d": (lambda: conv2d(1, 1, 1, bias=True), (1, 1, 1, 1)),
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_products_are_of_half_precision(mode, name):
    build, shape = PRODUCTS[name]
    for level, product in (("O0", 2049), ("O2", 2048)):
        cell = build()
        cell.weight.set_data(Tensor(np.ones(cell.weight.shape, np.float32)))
        precision.apply(cell, level)
        cell.bias.set_data(Tensor(np.full(1, 1e6, np.float32)))  # added in float32: float16 ends at 65504
        result = cell(Tensor(np.full(shape, 2049, np.float32)))
        assert (result.dtype, float(result.asnumpy().item())) == (ms.float32, product + 1e6)
        assert cell.weight.dtype == ms.float32


def test_attention_is_of_half_precision(mode):
    x = Tensor(draw(1, 5, 8))
    rows = []
    for level in ("O0", "O2"):
        cell = SelfAttention(width=8, heads=2)
        cell.qkv.weight.set_data(Tensor(draw(8, 24, seed=1)))
        cell.proj.weight.set_data(Tensor(np.eye(8, dtype=np.float32)))
        precision.apply(cell, level)
        cell.qkv.half = cell.proj.half = False  # attention's own products alone
        rows.append(cell(x).asnumpy())
    assert 0 < np.abs(rows[0] - rows[1]).max() < 5e-3


@pytest.mark.parametrize("norm", [lambda: LayerNorm(8, epsilon=1e-5), lambda: batch_norm(8)])
def test_norms_stand_values_beyond_float16(mode, norm):
    network = nn.SequentialCell(norm()).set_train(True)
    precision.apply(network, "O2")
    x = draw(6, 8) * 1e6
    x = x if isinstance(network[0], LayerNorm) else x.reshape(6, 8, 1, 1)
    axis = -1 if isinstance(network[0], LayerNorm) else 0
    result = network(Tensor(x))
    expected = (x - x.mean(axis, keepdims=True)) / x.std(axis, keepdims=True)
    assert result.dtype == ms.float32
    np.testing.assert_allclose(result.asnumpy(), expected, atol=1e-4)


def test_the_block_on_the_logits_is_exact():
    block = HeadBlock(arch_option=1, depth=1, activation="lrelu")
    precision.apply(block, "O2")
    assert not block.conv.half


def test_unknown_level():
    with pytest.raises(UserError, match="unknown precision level 'O1'.*known are O0, O2"):
        precision.apply(Linear(1, 1), "O1")


class ScaledStep(nn.Cell):
    """w ← w - gradient of `share` · Σ w · x, the product in float16; left out where it overflows."""

    def __init__(self, scale, share=1.0):
        super().__init__(auto_prefix=False)
        self.share = share
        self.w = Parameter(np.zeros(2, np.float32), name="w")
        self.scale = scale
        self.differentiate = ms.value_and_grad(self.loss, None, ParameterTuple([self.w]), has_aux=True)

    def loss(self, x):
        loss = (self.w.astype(ms.float16) * x.astype(ms.float16)).astype(ms.float32).sum() * self.share
        return self.scale.scaled(loss), loss

    def construct(self, x):
        _, gradients = self.differentiate(x)
        gradient = self.scale.unscaled(gradients)[0]
        finite = ops.isfinite(gradient).all()
        done = self.scale.update(finite)
        if finite:
            done = ops.depend(done, ops.assign_sub(self.w, gradient))
        return ops.depend(gradient, done)


@pytest.mark.parametrize("scale, moved", [(1.0, 0.0), (2.0**20, -(2.0**-29))])
def test_a_scale_keeps_small_gradients(mode, scale, moved):
    step = ScaledStep(LossScale(scale), share=2.0**-30)  # float16 ends at 2^-24
    step(Tensor(np.array([2.0, 2.0], np.float32)))
    np.testing.assert_array_equal(step.w.asnumpy(), [moved, moved])


def test_the_dynamic_scale_falls_at_overflow_and_rises_after_good_steps(mode):
    scale = LossScale("dynamic")
    step = ScaledStep(scale)
    x = Tensor(np.array([4.0, 1.0], np.float32))
    # 4 · 65536, and 4 · 32768, … are beyond float16 until 4 · 8192
    seen = []
    for _ in range(4):
        step(x)
        seen.append(float(scale.value.asnumpy()))
    assert seen == [32768, 16384, 8192, 8192]
    np.testing.assert_array_equal(step.w.asnumpy(), [-4, -1])  # three steps were left out
    assert int(scale.good_steps.asnumpy()) == 1

    scale.good_steps.set_data(Tensor(1998, ms.int32))
    step(x)
    assert (float(scale.value.asnumpy()), int(scale.good_steps.asnumpy())) == (8192, 1999)
    step(x)
    assert (float(scale.value.asnumpy()), int(scale.good_steps.asnumpy())) == (16384, 0)

    scale.value.set_data(Tensor(1.5, ms.float32))
    step(Tensor(np.array([np.inf, 1.0], np.float32)))
    assert (float(scale.value.asnumpy()), int(scale.good_steps.asnumpy())) == (1, 0)
    assert [state.name for state in scale.states] == ["loss_scale.value", "loss_scale.good_steps"]


def test_a_fixed_scale_stays(mode):
    scale = LossScale(4.0)
    ScaledStep(scale)(Tensor(np.array([np.inf, 1.0], np.float32)))
    assert float(scale.value.asnumpy()) == 4
