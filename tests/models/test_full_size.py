"""Every network at its published size: it builds, computes in both modes, and trains."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import create_model
from ms_ovs.models.registry import SYSTEMS

pytestmark = pytest.mark.slow
# the backward pass of the largest towers does not fit beside the tests' other processes
TRAINED = ("clip/RN50", "clip/ViT-B/32", "lseg/clip_vitb32_384", "lseg/clip_resnet101")


def normal(*shape):
    return ms.Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def ids(config, length):
    rows = np.random.default_rng(1).integers(1, config.vocab_size - 2, (2, length)).astype(np.int32)
    rows[:, -1] = config.vocab_size - 1
    return rows


@pytest.mark.parametrize("variant", SYSTEMS["clip"].variants)
def test_clip(mode, variant):
    model = create_model("clip", variant=variant)
    config = model.config
    text = model.encode_text(ids(config, 8))
    image = normal(1, 3, config.image_resolution, config.image_resolution)
    logits = model(image, ms.Tensor(text)).asnumpy()
    assert text.shape == (2, config.embed_dim) and logits.shape == (1, 2)
    assert np.isfinite(logits).all() and np.abs(logits).max() <= np.exp(np.log(1 / 0.07)) * 1.001


@pytest.mark.parametrize("variant", SYSTEMS["lseg"].variants)
def test_lseg(mode, variant):
    model = create_model("lseg", variant=variant)
    text = model.encode_text(ids(model.config.text, 8))
    logits = model(normal(1, 3, 64, 96), ms.Tensor(text)).asnumpy()
    assert logits.shape == (1, 2, 64, 96)
    assert np.isfinite(logits).all() and np.abs(logits).max() <= 1 / 0.07 * 1.001


class Loss(ms.nn.Cell):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def construct(self, image, text, weight):
        return (self.model(image, text) * weight).sum()


@pytest.mark.parametrize("name", TRAINED)
def test_every_trainable_parameter_has_a_gradient(mode, name):
    system, variant = name.split("/", 1)
    model = create_model(system, variant=variant)
    for parameter in model.text.get_parameters():  # words are an input here
        parameter.requires_grad = False
    model.set_train(True)
    size = getattr(model.config, "image_resolution", 96)
    image, text = normal(2, 3, size, size), normal(3, model.config.text.embed_dim)
    loss = Loss(model)
    parameters = loss.trainable_params()
    gradients = ms.grad(loss, None, parameters)(image, text, normal(*model(image, text).shape))
    flat = [
        parameter.name
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if not np.abs(gradient.asnumpy()).max() > 0 and "attnpool.k_proj.bias" not in parameter.name
    ]
    assert len(parameters) > 100
    assert flat == []
