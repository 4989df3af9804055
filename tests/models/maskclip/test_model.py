"""MaskCLIP's towers, its classifier, and what it refuses."""

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import create_model
from ms_ovs.errors import UserError
from ms_ovs.nn.taps import GridScores, Taps
from tests.modes import tapped_in_both, uncompiled
from tests.tiny import MASKCLIP, TEXT

LABELS = 5
GRIDS = {"maskclip_vit": (4, 6), "maskclip_resnet": (2, 3), "maskclip_refined": (3, 2)}


def normal(*shape, seed=0):
    return ms.Tensor(np.random.default_rng(seed).standard_normal(shape).astype(np.float32))


def build(name, **more):
    system, variant, options, shape = MASKCLIP[name]
    return (
        create_model(system, variant=variant, seed=3, **(options | more)),
        normal(*shape),
        normal(LABELS, 24),
    )


@pytest.mark.parametrize("name", MASKCLIP)
def test_forward(pynative, name):
    model, image, text = build(name)
    result = model(image, text).asnumpy()
    batch, _, height, width = image.shape
    assert result.shape == (batch, LABELS, height, width) and np.isfinite(result).all()
    named = Taps(model).named(image, text)
    assert list(named) == list(model.TAPS)
    np.testing.assert_array_equal(named["upsampled"].asnumpy(), result)
    assert named["logits"].shape == (batch, LABELS, *GRIDS[name])
    np.testing.assert_array_equal(GridScores(model)(image, text).asnumpy(), named["logits"].asnumpy())


@pytest.mark.parametrize("name", MASKCLIP)
def test_both_modes_agree(name):
    model, image, text, named = tapped_in_both(lambda: build(name), atol=1e-5)
    if name == "maskclip_vit":  # one is compiled both with its taps and as it is
        np.testing.assert_array_equal(model(image, text).asnumpy(), named["upsampled"].asnumpy())
        np.testing.assert_array_equal(GridScores(model)(image, text).asnumpy(), named["logits"].asnumpy())


@pytest.mark.parametrize("name", MASKCLIP)
def test_nothing_is_trained(name):
    assert build(name)[0].trainable_params() == []


def test_no_patch_looks_at_another_in_the_last_block(mode):
    model, _, text = build("maskclip_vit", vision_layers=1)
    image = normal(1, 3, 64, 64).asnumpy()
    changed = image.copy()
    changed[:, :, 16:32, 32:48] += 1
    grid = GridScores(model)
    difference = [grid(ms.Tensor(pixels), text).asnumpy() for pixels in (image, changed)]
    moved = np.abs(difference[0] - difference[1]).max((0, 1)) > 1e-6
    expected = np.zeros((4, 4), bool)
    expected[1, 2] = True
    np.testing.assert_array_equal(moved, expected)


def test_the_value_path_keeps_residual_and_mlp(pynative):
    model, image, text = build("maskclip_vit")
    before = model(image, text).asnumpy()
    bias = model.image.blocks[-1].mlp.fc2.bias
    bias.set_data(ms.Tensor(np.linspace(-1, 1, 64, dtype=np.float32)))
    assert np.abs(model(image, text).asnumpy() - before).max() > 1e-3


def test_an_image_is_padded_below_and_at_the_right(pynative):
    model, image, text = build("maskclip_vit")
    pixels = np.zeros((2, 3, 64, 96), np.float32)
    pixels[:, :, :50, :90] = image.asnumpy()
    grid = GridScores(model)
    np.testing.assert_allclose(
        grid(image, text).asnumpy(), grid(ms.Tensor(pixels), text).asnumpy(), atol=1e-6
    )


def test_the_position_embedding_stays_for_as_many_patches(pynative):
    model = build("maskclip_vit")[0]
    own = model.image.positional_embedding.asnumpy()
    for shape in ((64, 64), (32, 128)):
        position = Taps(model).named(normal(1, 3, *shape), normal(LABELS, 24))["pos_embed"].asnumpy()
        np.testing.assert_array_equal(position[0], own)
    other = Taps(model).named(normal(1, 3, 64, 80), normal(LABELS, 24))["pos_embed"].asnumpy()
    assert other.shape == (1, 21, 64)
    np.testing.assert_array_equal(other[0, 0], own[0])


# a graph of the open one is among those above
@pytest.mark.parametrize(
    ("mode", "closed"), [("graph", True), ("pynative", True), ("pynative", False)], indirect=["mode"]
)
def test_an_attention_pool_looks_everywhere(mode, closed):
    image = normal(1, 3, 64, 64).asnumpy()
    text = normal(LABELS, 24)
    changed = image.copy()
    changed[:, :, 40:] += 5
    grid = GridScores(build("maskclip_resnet", attn_pooling=closed)[0])
    scores = [grid(ms.Tensor(pixels), text).asnumpy() for pixels in (image, changed)]
    assert scores[0].shape == (1, LABELS, 2, 2) and np.abs(scores[0] - scores[1]).max() > 1e-6


def test_embeddings_are_not_normalised_and_features_are(pynative):
    model, image, text = build("maskclip_resnet")
    once, twice = model(image, text).asnumpy(), model(image, 2 * text).asnumpy()
    np.testing.assert_allclose(twice, 2 * once, rtol=1e-4, atol=1e-6)
    lengths = np.linalg.norm(text.asnumpy(), axis=1)
    assert (np.abs(once).max((0, 2, 3)) <= lengths * 1.0001).all()


def test_class_weights_multiply_scores_before_the_refinements(mode):
    model, image, text = build("maskclip_vit")
    weights = ms.Tensor(np.arange(1, 2 * LABELS + 1, dtype=np.float32).reshape(2, LABELS))
    with uncompiled():
        plain = model(image, text).asnumpy()
    weighed = model(image, text, weights).asnumpy()
    np.testing.assert_allclose(weighed, plain * weights.asnumpy()[:, :, None, None], rtol=1e-4, atol=1e-5)
    refined, image, text = build("maskclip_refined")
    with uncompiled():
        without = refined(image, text).asnumpy()
    assert np.abs(refined(image, text, weights[:1]).asnumpy() - without).max() > 1e-3


def test_fixed_embeddings(pynative):
    model, image, text = build("maskclip_vit", text=None, classes=LABELS)
    assert model.text is None and model.text_embeddings.shape == (LABELS, 24)
    assert model(image, text).shape[1] == LABELS
    with pytest.raises(UserError, match="4 class embeddings: .* fixed ones for 5 classes"):
        model(image, text[:4])


def test_words_of_another_clip(pynative):
    model, image, _ = build("maskclip_resnet")
    with pytest.raises(UserError, match="class embeddings of width 16, image features of 24"):
        model(image, normal(LABELS, 16))


def test_a_resnet_needs_31_pixels(pynative):
    model, _, text = build("maskclip_resnet")
    assert model(normal(1, 3, 31, 32), text).shape == (1, LABELS, 31, 32)
    with pytest.raises(UserError, match="image of 30×64 pixels"):
        model(normal(1, 3, 30, 64), text)
    vit, _, _ = build("maskclip_vit")
    assert vit(normal(1, 3, 3, 5), text).shape == (1, LABELS, 3, 5)


def test_words_are_encoded_like_clips(pynative):
    model = build("maskclip_vit")[0]
    clip = create_model("clip", variant="ViT-B/16", seed=5, embed_dim=24, **_clip(TEXT))
    for ours, theirs in zip(model.text.get_parameters(), clip.text.get_parameters(), strict=True):
        ours.set_data(theirs)
    tokens = np.array([[1, 5, 9, 199, 0]], np.int32)
    np.testing.assert_array_equal(model.encode_text(tokens), clip.encode_text(tokens))


def _clip(text):
    sizes = {f"text_{name}": text[name] for name in ("width", "heads", "layers")}
    rest = {name: text[name] for name in ("vocab_size", "context_length")}
    return {**sizes, **rest, "image_resolution": 32, "vision_layers": 1, "vision_width": 64}
