"""Every network at its published size: it builds, computes in both modes, and trains."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import create_model
from ms_ovs.models.registry import SYSTEMS
from tests.models.sizes import sizes

pytestmark = pytest.mark.slow
# the backward pass of the largest towers does not fit beside the tests' other processes
TRAINED = ("clip/RN50", "clip/ViT-B/32", "lseg/clip_vitb32_384", "lseg/clip_resnet101")


def normal(*shape):
    return ms.Tensor(np.random.default_rng(0).standard_normal(shape).astype(np.float32))


def ids(config, length):
    rows = np.random.default_rng(1).integers(1, config.vocab_size - 2, (2, length)).astype(np.int32)
    rows[:, -1] = config.vocab_size - 1
    return rows


@sizes(SYSTEMS["clip"].variants, ("RN50", "ViT-B/32"), long=("RN50x16", "RN50x64", "ViT-L/14@336px"))
def test_clip(mode, name):
    model = create_model("clip", variant=name)
    config = model.config
    text = model.encode_text(ids(config, 8))
    image = normal(1, 3, config.image_resolution, config.image_resolution)
    logits = model(image, ms.Tensor(text)).asnumpy()
    assert text.shape == (2, config.embed_dim) and logits.shape == (1, 2)
    assert np.isfinite(logits).all() and np.abs(logits).max() <= np.exp(np.log(1 / 0.07)) * 1.001


@sizes(SYSTEMS["lseg"].variants, ("clip_vitb32_384", "clip_resnet101"), long=("clipRN50x16_vitl16_384",))
def test_lseg(mode, name):
    model = create_model("lseg", variant=name)
    text = model.encode_text(ids(model.config.text, 8))
    logits = model(normal(1, 3, 64, 96), ms.Tensor(text)).asnumpy()
    assert logits.shape == (1, 2, 64, 96)
    assert np.isfinite(logits).all() and np.abs(logits).max() <= 1 / 0.07 * 1.001


@sizes(SYSTEMS["maskclip"].variants, ("RN50", "ViT-B/16"), long=("RN50x16",))
def test_maskclip(mode, name):
    model = create_model("maskclip", variant=name, ks_thresh=1.0)
    text = model.encode_text(ids(model.config.text, 8))
    scores = model(normal(1, 3, 70, 100), ms.Tensor(text)).asnumpy()
    assert text.shape == (2, model.config.embed_dim) and scores.shape == (1, 2, 70, 100)
    assert np.isfinite(scores).all()


class Loss(ms.nn.Cell):
    def __init__(self, model):
        super().__init__()
        self.model = model

    def construct(self, image, text, weight):
        return (self.model(image, text) * weight).sum()


@sizes(TRAINED, ("clip/RN50",), long=("clip/ViT-B/32", "lseg/clip_resnet101"))
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
    # asking the network for the shape would compile it once more
    shape = (2, 3) if system == "clip" else (2, 3, size, size)
    gradients = ms.grad(loss, None, parameters)(image, text, normal(*shape))
    flat = [
        parameter.name
        for parameter, gradient in zip(parameters, gradients, strict=True)
        if not np.abs(gradient.asnumpy()).max() > 0 and "attnpool.k_proj.bias" not in parameter.name
    ]
    assert len(parameters) > 100
    assert flat == []
