"""The networks of the training benchmark are of one size, and a step that is not taken is no sample."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mindspore import Tensor

from benchmarks import recipe
from benchmarks.probes import ours, peer_dpt, peer_segformer, training
from convert.variants import config_of
from ms_ovs.errors import UserError
from ms_ovs.models import create_model
from tests.tiny import TINY, WORDLESS


def count(network):
    return sum(parameter.numel() for parameter in network.parameters())


@pytest.mark.parametrize("name", ["lseg_vit", "lseg_vit_b32"])
def test_the_other_network_has_as_many_parameters(name):
    system, variant, options, _ = TINY[name]
    config = config_of(system, variant, options)
    side = config.image.grid * config.image.patch_size
    theirs = peer_dpt._network(config, side)
    ours = create_model(system, variant=variant, seed=0, **options)
    own = sum(
        p.size for p in ours.get_parameters() if not p.name.startswith("text.") and ".moving_" not in p.name
    )
    unused = theirs.neck.fusion_stage.layers[0].residual_layer1  # of which the loss knows nothing
    words = config.text.embed_dim * recipe.LABELS + recipe.LABELS  # a convolution for the product with words
    scale = 1 if any(p.name == "product.logit_scale" for p in ours.get_parameters()) else 0
    assert count(theirs) - count(unused) - words - 2 * config.image.width == own - scale
    image = torch.zeros(1, 3, side, side)
    assert theirs.eval()(pixel_values=image).logits.shape == (1, recipe.LABELS, side, side)


def test_the_other_side_learns(monkeypatch):
    system, variant, options, _ = TINY["lseg_vit"]
    monkeypatch.setitem(peer_dpt.VARIANTS, "tiny", config_of(system, variant, options))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(recipe, "RATE", 0.1)
    probe = peer_dpt.step("tiny", 64, 1)
    losses = [probe.actions["run"]() for _ in range(4)]
    assert losses[0] == pytest.approx(np.log(recipe.LABELS), rel=0.2) and losses[3] < losses[0]


@pytest.mark.parametrize("finite", [True, False])
def test_a_step_that_is_not_taken_is_no_sample(monkeypatch, finite):
    def step(lr, last, told, *inputs):
        return Tensor(1.5), Tensor(2.0), Tensor(finite), told

    monkeypatch.setattr(training.engine, "build", lambda *_, **__: SimpleNamespace(step=step))
    monkeypatch.setattr(training, "NetworkWithLoss", lambda *_: None)
    _, run = training._actions(SimpleNamespace(base_lr=0.1), None)
    if finite:
        assert run(Tensor(0.0)) == 1.5
    else:
        with pytest.raises(UserError, match="not finite"):
            run(Tensor(0.0))


def test_batches_hold_every_kind_of_target():
    image, target = recipe.batch(2, 64)
    assert image.shape == (2, 3, 64, 64) and image.dtype == np.float32
    assert target.dtype == np.int32 and (target.min(), target.max()) == (-1, recipe.LABELS - 1)


@pytest.fixture
def tiny_segformer(monkeypatch):
    """The variant "tiny" on both sides, with the classes of the recipe."""
    from ms_ovs.models.registry import SYSTEMS

    system, variant, options, _ = WORDLESS["segformer"]
    config = config_of(system, variant, options | {"classes": recipe.LABELS})
    monkeypatch.setitem(SYSTEMS["segformer"].variants, "tiny", config)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    return config


def test_the_other_segformer_has_as_many_parameters(tiny_segformer):
    theirs = peer_segformer._network(tiny_segformer)
    own = create_model("segformer", variant="tiny", seed=None)
    trained = sum(p.size for p in own.get_parameters() if ".moving_" not in p.name)
    # a bias for each of the four maps, where ours have a batch norm of two vectors
    assert count(theirs) == trained - 4 * tiny_segformer.features


def test_both_segformers_end_at_the_logits_and_learn(pynative, tiny_segformer, monkeypatch):
    monkeypatch.setattr(recipe, "ADAMW_RATE", 1e-2)
    monkeypatch.setattr(ours, "runtime", SimpleNamespace(setup=lambda: "CPU"))  # the mode stays
    monkeypatch.setattr(training, "runtime", ours.runtime)
    made = ours.segformer("tiny", 64).actions["run"]()
    theirs = peer_segformer.forward("tiny", 64).actions["run"]()
    assert made.shape == tuple(theirs.shape) == (1, recipe.LABELS, 16, 16)
    for step in (training.segformer_step, peer_segformer.step):
        run = step("tiny", 64, 2).actions["run"]
        losses = [run() for _ in range(6)]
        assert losses[0] == pytest.approx(np.log(recipe.LABELS), rel=0.2) and losses[-1] < losses[0]
