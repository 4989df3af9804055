"""The Mix Transformer's parts that evaluation does not show."""

import numpy as np
import pytest
from mindspore import nn

from ms_ovs import create_model
from ms_ovs.backbones.mit import Block, MixTransformer
from ms_ovs.backbones.variants import MIT
from ms_ovs.nn.norm import ChannelNorm
from tests.tiny import MIT as TINY


def cells(model, kind):
    return [cell for _, cell in model.cells_and_names() if isinstance(cell, kind)]


def test_drop_path_grows_from_0_to_the_rate_over_all_blocks():
    model = MixTransformer(MIT["mit_b0"])
    rates = [block.drop.rate for block in cells(model, Block)]
    np.testing.assert_allclose(rates, np.arange(8) / 70, atol=1e-12)


def test_every_epsilon_is_that_of_the_config():
    model = MixTransformer(MIT["mit_b0"])
    norms = cells(model, ChannelNorm)
    # two a block, one after each embedding and each stage, one in each attention that reduces
    assert len(norms) == 2 * 8 + 2 * 4 + 6
    assert {norm.epsilon for norm in norms} == {1e-6}
    assert cells(model, nn.LayerNorm) == []


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("stage1.blocks.0.attn.q.weight", 0.02),
        ("stage1.blocks.0.attn.reduce.weight", (2 / (8 * 64)) ** 0.5),
        ("stage3.blocks.0.ffn.fc1.weight", (2 / 160) ** 0.5),
        ("stage3.blocks.0.ffn.dwconv.weight", (2 / 9) ** 0.5),
    ],
)
def test_initial_weights(name, deviation):
    model = create_model("mit", variant="mit_b0", seed=1, **TINY)
    weights = dict(model.parameters_and_names())
    assert weights[name].asnumpy().std() == pytest.approx(deviation, rel=0.15)
    assert not weights["stage1.blocks.0.attn.q.bias"].asnumpy().any()
    assert (weights["stage4.norm.gamma"].asnumpy() == 1).all()
