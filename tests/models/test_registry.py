"""What holds for every network of the registry."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from ms_ovs import create_model, list_models, runtime
from ms_ovs.errors import UserError
from ms_ovs.models.registry import SYSTEMS
from ms_ovs.nn.taps import Taps
from tests.modes import both, graphs, uncompiled
from tests.tiny import TINY

LABELS = 5
# adding a constant to every key changes no softmax: its gradient is rounding
SHIFT_INVARIANT = "attnpool.k_proj.bias"
# "lseg_vit" in other numbers, and with other last cells, whose gradients are in test_heads.py
OTHER_NUMBERS = ("lseg_vit_b32", "lseg_patch8")
OTHER_HEADS = ("lseg_bottleneck", "lseg_depthwise")
# one of each family is compiled both with its taps and as it is
THEMSELVES = ("clip_vit", "lseg_resnet")


def normal(*shape):
    return ms.Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def tokens(config):
    """Token rows that end at different places; the largest id is the end."""
    rows = np.random.default_rng(1).integers(1, config.vocab_size - 1, (LABELS, 9)).astype(np.int32)
    for index, row in enumerate(rows):
        row[3 + index] = config.vocab_size - 1
        row[4 + index :] = 0
    return rows


def build(name):
    system, variant, options, shape = TINY[name]
    model = create_model(system, variant=variant, seed=3, **options)
    return model, normal(*shape), normal(LABELS, 24)


def text_config(model):
    return model.config.text


class Loss(nn.Cell):
    """Everything a network computes, squeezed into a number; CLIP is trained through both towers."""

    def __init__(self, model):
        super().__init__()
        self.model = model
        self.trains_text = model.text.projection.requires_grad

    def construct(self, image, text, ids, weight):
        if self.trains_text:
            text = self.model.text(ids)
        return (self.model(image, text) * weight).sum()


def shape(name, image):
    """Of the result: a score for every label, of every pixel or of the image."""
    batch, _, height, width = image.shape
    return (batch, LABELS, height, width) if name.startswith("lseg") else (batch, LABELS)


@pytest.mark.parametrize("name", TINY)
def test_forward(pynative, name):
    model, image, text = build(name)
    result = model(image, text)
    assert result.shape == shape(name, image)
    assert np.isfinite(result.asnumpy()).all()
    named = Taps(model).named(image, text)
    assert list(named) == list(model.TAPS)
    np.testing.assert_array_equal(named[model.TAPS[-1]].asnumpy(), result.asnumpy())


@both(TINY, seldom=(*OTHER_NUMBERS, *OTHER_HEADS))
def test_every_trainable_parameter_has_a_gradient(mode, name):
    model, image, text = build(name)
    model.set_train(True)
    ids = ms.Tensor(tokens(text_config(model)))
    weight = normal(*shape(name, image))
    loss = Loss(model)
    parameters = loss.trainable_params()
    gradients = ms.grad(loss, None, parameters)(image, text, ids, weight)
    assert len(gradients) == len(parameters) > 50
    flat = [
        parameter.name
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if not np.abs(gradient.asnumpy()).max() > 0 and SHIFT_INVARIANT not in parameter.name
    ]
    assert flat == []
    frozen = {parameter.name for parameter in loss.get_parameters()} - {p.name for p in parameters}
    if name.startswith("lseg"):
        assert any(".text." in parameter for parameter in frozen)


@graphs(TINY, seldom=(*OTHER_NUMBERS, "lseg_depthwise"))
def test_both_modes_agree(name):
    results = []
    for mode in ("pynative", "graph"):
        runtime.setup("CPU", mode)
        model, image, text = build(name)
        named = Taps(model).named(image, text)
        assert list(named) == list(model.TAPS)
        results.append([tap.asnumpy() for tap in named.values()])
        if name in THEMSELVES:  # all have the same tower for words
            results[-1].append(model.encode_text(tokens(text_config(model))))
    for first, second in zip(*results, strict=True):
        assert np.isfinite(second).all()
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=1e-5)
    if name in THEMSELVES:
        result = model(image, text)
        assert result.shape == shape(name, image)
        np.testing.assert_array_equal(result.asnumpy(), named[model.TAPS[-1]].asnumpy())


def test_text_needs_only_the_longest(pynative):
    model, _, _ = build("lseg_vit")
    rows = tokens(model.config.text)
    padded = np.zeros((LABELS, 16), np.int32)
    padded[:, : rows.shape[1]] = rows
    np.testing.assert_allclose(model.encode_text(rows[:, :8]), model.encode_text(padded), atol=1e-5)


def test_text_ends_at_the_first_largest_id(mode):
    model, _, _ = build("clip_vit")
    end = model.config.vocab_size - 1
    once = np.array([[1, 0, end, 0, 0]], np.int32)  # id 0 is a symbol too
    twice = np.array([[1, 0, end, 7, end]], np.int32)
    np.testing.assert_allclose(model.encode_text(once), model.encode_text(twice), atol=1e-6)


def test_every_image_may_have_its_own_words(mode):
    model, image, _ = build("lseg_resnet")
    pairs = normal(2, 2, 24)
    together = model(image, pairs).asnumpy()
    for index in range(2):
        with uncompiled():
            alone = model(image[index : index + 1], pairs[index]).asnumpy()
        np.testing.assert_allclose(together[index], alone[0], rtol=1e-4, atol=1e-4)


def test_equal_words_tie(mode):
    model, image, text = build("lseg_resnet")
    doubled = ms.Tensor(np.concatenate([text.asnumpy(), text.asnumpy()]))
    assert model(image, doubled).asnumpy().argmax(1).max() < LABELS


@pytest.mark.parametrize(("height", "width"), [(64, 50), (33, 64), (16, 64)])
def test_lseg_refuses_other_sizes(height, width):
    model, _, text = build("lseg_vit")
    with pytest.raises(UserError, match=f"{height}×{width}.*multiples of 32"):
        model(normal(1, 3, height, width), text)


def test_names():
    assert "lseg/clip_vitl16_384" in list_models()
    assert set(list_models("clip")) == {f"clip/{name}" for name in SYSTEMS["clip"].variants}
    assert len(list_models("clip")) == 9
    with pytest.raises(UserError, match="unknown system 'lsag'.*'lseg'"):
        list_models("lsag")


@pytest.mark.parametrize(
    ("system", "variant", "options", "message"),
    [
        ("seg", "x", {}, "unknown system 'seg'"),
        ("clip", "ViT-B/23", {}, "unknown variant of clip 'ViT-B/23': did you mean 'ViT-B/32'"),
        ("lseg", "clip_vitl16_384", {"arch_opton": 1}, "unknown option of lseg 'arch_opton'"),
        ("lseg", "clip_vitl16_384", {"block_depth": "two"}, "option 'block_depth'"),
        ("clip", "custom", {"embed_dim": 3}, "Field required"),
    ],
)
def test_errors(system, variant, options, message):
    with pytest.raises(UserError, match=message):
        create_model(system, variant=variant, **options)
