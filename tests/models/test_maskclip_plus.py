"""MaskCLIP+: students and their frozen teacher."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from ms_ovs import create_model, runtime
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip_plus.variants import VARIANTS
from ms_ovs.nn.taps import Taps
from tests.modes import both, tapped_in_both
from tests.tiny import MASKCLIP_PLUS

LABELS = 5
# a batch norm follows, which takes away what is the same everywhere: its gradient is rounding
SHIFT_INVARIANT = "backbone.stage4.norm.beta"


def normal(*shape, seed=0):
    return ms.Tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def build(name, **options):
    system, variant, known, shape = MASKCLIP_PLUS[name]
    model = create_model(system, variant=variant, seed=3, **{**known, **options})
    return model, normal(*shape), normal(LABELS, 24)


class Loss(nn.Cell):
    """All scores, squeezed into a number."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def construct(self, image, text, weight):
        return (self.model(image, text) * weight).sum()


def shape(model, image):
    """Of the scores: one for every class of every pixel."""
    batch, _, height, width = image.shape
    return batch, model.config.channels, height, width


@pytest.mark.parametrize("name", MASKCLIP_PLUS)
def test_forward(pynative, name):
    model, image, text = build(name)
    result = model(image, text)
    assert result.shape == shape(model, image)
    assert np.isfinite(result.asnumpy()).all()
    named = Taps(model).named(image, text)
    assert list(named) == list(model.TAPS)
    np.testing.assert_array_equal(named["upsampled"].asnumpy(), result.asnumpy())


@pytest.mark.parametrize("name", MASKCLIP_PLUS)
def test_both_modes_agree(name):
    model, image, text, named = tapped_in_both(lambda: build(name), atol=1e-4)
    if name == "plus_deeplabv2":  # one is compiled both with its taps and as it is
        result = model(image, text)
        assert result.shape == shape(model, image)
        np.testing.assert_array_equal(result.asnumpy(), named["upsampled"].asnumpy())


@both(MASKCLIP_PLUS, seldom=["plus_segformer"])  # SegFormer is differentiated as a graph without it
def test_the_student_has_gradients_and_the_teacher_none(mode, name):
    model, image, text = build(name)
    model.set_train(True)
    weight = normal(*shape(model, image), seed=1)
    parameters = model.trainable_params()
    assert {parameter.name.split(".")[0] for parameter in parameters} == {"backbone", "head"}
    gradients = ms.grad(Loss(model), None, parameters)(image, text, weight)
    flat = [
        parameter.name
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if not np.abs(gradient.asnumpy()).max() > 0 and SHIFT_INVARIANT not in parameter.name
    ]
    assert flat == []


def test_the_teacher_stays_in_evaluation(mode):
    model, image, _ = build("plus_deeplabv2")
    before = model.set_train(False).teacher(image).asnumpy()
    statistics = {p.name: p.asnumpy().copy() for p in model.teacher.get_parameters() if "moving" in p.name}
    for change in (model.set_train, model.teacher.set_train):
        change(True)
        assert not any(cell.training for _, cell in model.teacher.cells_and_names())
        np.testing.assert_array_equal(model.teacher(image).asnumpy(), before)
    assert model.backbone.training and statistics
    for parameter in model.teacher.get_parameters():
        if parameter.name in statistics:
            np.testing.assert_array_equal(parameter.asnumpy(), statistics[parameter.name])


def test_scores_are_plain_products(pynative):
    # no norm of the features, no scale, no bias; with norm_feat the features alone are normalised
    for name in ("plus_segformer", "plus_deeplabv2"):
        model, image, text = build(name)
        features = model.features(image).asnumpy()
        if model.config.norm_feat:
            features = features / np.linalg.norm(features, axis=1, keepdims=True)
        expected = np.einsum("cd,bdhw->bchw", text.asnumpy(), features)
        np.testing.assert_allclose(model.scores(image, text).asnumpy(), expected, rtol=1e-4, atol=1e-4)


def test_the_background_comes_first_and_is_normalised(pynative):
    model, image, text = build("plus_deeplabv3plus")
    background = model.head.background.asnumpy()
    assert np.linalg.norm(background) != pytest.approx(1, abs=0.1)
    expected = np.concatenate([background / np.linalg.norm(background), text.asnumpy()])
    np.testing.assert_allclose(model.rows(text).asnumpy(), expected, rtol=1e-5)
    assert model(image, text).shape[1] == LABELS + 1


def test_class_weights_multiply_by_their_number(pynative):
    model, image, text = build("plus_segformer")
    weights = np.array([[0.2] * 5, [0.5, 0.5, 0, 0, 0]], np.float32)
    plain, weighted = (model(image, text, *given).asnumpy() for given in ((), (ms.Tensor(weights),)))
    np.testing.assert_allclose(weighted, plain * (5 * weights)[:, :, None, None], rtol=1e-4, atol=1e-5)
    model, image, text = build("plus_deeplabv3plus")
    plain, weighted = (model(image, text, *given).asnumpy() for given in ((), (ms.Tensor(weights),)))
    factors = np.concatenate([np.ones((2, 1), np.float32), 5 * weights], 1)
    np.testing.assert_allclose(weighted, plain * factors[:, :, None, None], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("rows", "width", "message"),
    [(4, 24, "4 class embeddings: .* fixed ones for 5 classes"), (5, 23, "width 23: this student .* 24")],
)
def test_words_that_do_not_fit(pynative, rows, width, message):
    model, image, _ = build("plus_segformer")
    with pytest.raises(UserError, match=message):
        model(image, normal(rows, width))


def test_images_that_are_too_small(pynative):
    model, _, text = build("plus_segformer")
    with pytest.raises(UserError, match="image of 28×64 pixels: this student takes 29 or more"):
        model(normal(1, 3, 28, 64), text)


def test_a_head_that_does_not_fit_its_backbone():
    with pytest.raises(UserError, match="head 'segformer' on a ResNet: 'segformer' takes a MiT"):
        build("plus_deeplabv2", head="segformer")
    with pytest.raises(UserError, match="head 'deeplabv2' on a MiT"):
        build("plus_segformer", head="deeplabv2")


# millions, from the specification of MaskCLIP, section 7.4: all, and those that learn
PUBLISHED = {
    "rn50_deeplabv2_r101": (156.2, 118.0),
    "vit_b16_deeplabv2_r101": (166.5, 80.3),
    "rn50_segformer_b5": (125.0, 86.8),
    "vit_b16_segformer_b5": (169.2, 83.1),
    "vit_b16_segformer_b0": (90.9, 4.7),
    "rn50_segformer_b0": (46.3, 8.1),
}


@pytest.mark.parametrize("variant", PUBLISHED)
def test_published_numbers_of_parameters(variant):
    from convert.maskclip_plus_shapes import maskclip_plus

    shapes = maskclip_plus(VARIANTS[variant])
    # theirs counts no statistics and no embeddings, but the classifier of SegFormer's head, never asked
    config = VARIANTS[variant]
    unused = config.classes * (config.embed_dim + 1) if config.head == "segformer" else 0
    count = {name: int(np.prod(shape)) for name, shape in shapes.items() if ".moving_" not in name}
    del count["text_embeddings"]
    everything, learns = PUBLISHED[variant]
    assert (sum(count.values()) + unused) / 1e6 == pytest.approx(everything, abs=0.06)
    own = sum(number for name, number in count.items() if not name.startswith("teacher."))
    assert (own + unused) / 1e6 == pytest.approx(learns, abs=0.06)


@pytest.mark.slow
@pytest.mark.parametrize(
    "variant",
    [pytest.param("vit_b16_segformer_b5", marks=pytest.mark.long), "rn50_deeplabv3plus_r101"],
)
def test_full_size(variant):
    from convert.maskclip_plus_shapes import maskclip_plus

    runtime.setup("CPU", "graph")
    model = create_model("maskclip_plus", variant=variant, seed=0)
    shapes = {name: parameter.shape for name, parameter in model.parameters_and_names()}
    assert shapes == maskclip_plus(model.config)
    text = normal(59, model.config.embed_dim)
    assert model(normal(1, 3, 120, 160), text).shape == (1, 59, 120, 160)
