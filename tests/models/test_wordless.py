"""What holds for every network that takes images alone: SegFormer and the backbones of students."""

from dataclasses import asdict

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from ms_ovs import create_model, runtime
from ms_ovs.errors import UserError
from ms_ovs.models.registry import SYSTEMS
from ms_ovs.nn.taps import Taps
from tests.models.sizes import sizes
from tests.modes import both, uncompiled
from tests.tiny import WORDLESS

# a batch norm follows, which takes away what is the same everywhere: its gradient is rounding
SHIFT_INVARIANT = "backbone.stage4.norm.beta"
# compiled both with their taps and as they are: one of each family, if nothing else does it
THEMSELVES = ("segformer", "mit")


def normal(*shape):
    return ms.Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def build(name):
    system, variant, options, shape = WORDLESS[name]
    return create_model(system, variant=variant, seed=3, **options), normal(*shape)


def outputs(model, image):
    results = model(image)
    return results if isinstance(results, tuple) else (results,)


class Loss(nn.Cell):
    """Everything a network computes, squeezed into a number."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def construct(self, image, *weights):
        results = self.model.stages(image)[-len(weights) :]
        total = 0.0
        for result, weight in zip(results, weights):  # noqa: B905 - strict is unknown to the compiler
            total = total + (result * weight).sum()
        return total


def flat_gradients(model, image):
    """The number of trainable parameters, and the names of those whose gradient is 0."""
    model.set_train(True)
    with uncompiled():  # a graph to know shapes by would take as long as that of the gradients
        weights = [normal(*result.shape) for result in outputs(model, image)]
    loss = Loss(model)
    parameters = loss.trainable_params()
    gradients = ms.grad(loss, None, parameters)(image, *weights)
    flat = [
        parameter.name
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if not np.abs(gradient.asnumpy()).max() > 0 and SHIFT_INVARIANT not in parameter.name
    ]
    return len(parameters), flat


def shapes(name, model, image):
    """Of the results: scores of five classes, or the maps of a backbone's stages."""
    height, width = image.shape[2:]
    if name == "segformer":
        return [(2, 5, height, width)]
    strides = (4, 8, 16, 32) if name == "mit" else (4, 8, 8, 8)
    return [(2, c, -(-height // s), -(-width // s)) for c, s in zip(model.channels, strides, strict=True)]


@pytest.mark.parametrize("name", WORDLESS)
def test_forward(pynative, name):
    model, image = build(name)
    results = outputs(model, image)
    assert [r.shape for r in results] == shapes(name, model, image)
    named = Taps(model).named(image)
    assert list(named) == list(model.TAPS)
    for tap, result in zip(model.TAPS[-len(results) :], results, strict=True):
        assert np.isfinite(result.asnumpy()).all()
        np.testing.assert_array_equal(named[tap].asnumpy(), result.asnumpy())


@both(WORDLESS, seldom=["mit"])  # SegFormer's graph has it
def test_every_trainable_parameter_has_a_gradient(mode, name):
    count, flat = flat_gradients(*build(name))
    assert count > 40 and flat == []


@pytest.mark.parametrize("name", WORDLESS)
def test_both_modes_agree(name):
    taps = []
    for mode in ("pynative", "graph"):
        runtime.setup("CPU", mode)
        model, image = build(name)
        named = Taps(model).named(image)
        assert list(named) == list(model.TAPS)
        taps.append([tap.asnumpy() for tap in named.values()])
    for first, second in zip(*taps, strict=True):
        assert np.isfinite(second).all()
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)
    if name in THEMSELVES:
        results = outputs(model, image)
        assert [r.shape for r in results] == shapes(name, model, image)
        for tap, result in zip(taps[-1][-len(results) :], results, strict=True):
            np.testing.assert_array_equal(tap, result.asnumpy())


def test_scores_are_the_enlarged_logits(pynative):
    model, image = build("segformer")
    named = Taps(model).named(image)
    assert named["logits"].shape == (2, 5, 16, 24) and named["fused"].shape == (2, 16, 16, 24)
    # linear interpolation keeps the extremes within those of the grid
    assert abs(named["scores"].asnumpy()).max() <= abs(named["logits"].asnumpy()).max()


def test_training_drops_channels_and_blocks():
    runtime.setup("CPU", "graph")
    system, variant, options, shape = WORDLESS["segformer"]
    dropped = options["backbone"] | {"drop_path": 0.5}
    model = create_model(system, variant=variant, seed=3, **(options | {"backbone": dropped}))
    image = normal(*shape)
    with uncompiled():
        still = [model(image).asnumpy() for _ in range(2)]
    np.testing.assert_array_equal(*still)
    model.set_train(True)
    moving = [model(image).asnumpy() for _ in range(2)]
    assert np.abs(moving[0] - moving[1]).max() > 0


@pytest.mark.parametrize("size", [(28, 64), (64, 12)])
@pytest.mark.parametrize("name", ["segformer", "mit"])
def test_images_without_keys_are_refused(pynative, name, size):
    model, _ = build(name)
    with pytest.raises(UserError, match=f"{size[0]}×{size[1]} pixels: this network takes 29 or more"):
        model(normal(1, 3, *size))
    least = normal(1, 3, 29, 29)
    assert outputs(model, least)[0].shape[0] == 1


@pytest.mark.slow
@sizes(
    [f"{system}/{v}" for system in ("segformer", "resnet") for v in SYSTEMS[system].variants],
    ("segformer/mit_b0", "resnet/resnet50_v1c"),
    long=("segformer/mit_b3", "segformer/mit_b4"),
)
def test_full_size(mode, name):
    system, variant = name.split("/")
    model = create_model(system, variant=variant)
    assert all(np.isfinite(result.asnumpy()).all() for result in outputs(model, normal(1, 3, 64, 96)))


@pytest.mark.slow
@sizes(
    ["segformer/mit_b0", "segformer/mit_b5", "resnet/resnet101_v1c"],
    ["segformer/mit_b0"],
    long=["segformer/mit_b5"],
)
def test_full_size_gradients(mode, name):
    system, variant = name.split("/")
    options = {}
    if system == "segformer":
        options = {"backbone": asdict(SYSTEMS[system].variants[variant].backbone) | {"drop_path": 0.0}}
    model = create_model(system, variant=variant, **options)
    count, flat = flat_gradients(model, normal(2, 3, 64, 96))
    assert count > 100 and flat == []


# trained parameters of backbone and head in millions, without the classifier: 7.4 of the specification gives
# 4.7 and 83.1 for heads of 512 channels
@pytest.mark.parametrize(("variant", "millions"), [("mit_b0", 3.3), ("mit_b5", 81.4)])
def test_published_sizes(variant, millions):
    from convert.variants import config_of, expected

    shapes = expected(config_of("mit", variant, {}))
    assert sum(int(np.prod(shape)) for shape in shapes.values()) / 1e6 == pytest.approx(millions, abs=0.05)
