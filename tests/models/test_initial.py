"""Where LSeg's training starts: files of timm, torchvision and CLIP, and what is refused."""

import json
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from convert import Entry
from convert.pretrained import image_tower
from convert.variants import expected
from ms_ovs import create_model
from ms_ovs.errors import UserError
from ms_ovs.models.lseg.initial import fill_image, fill_text
from ms_ovs.models.registry import SYSTEMS
from ms_ovs.models.saving import metadata, tensors
from tests.tiny import TINY

CASES = Path(__file__).parents[1] / "reference" / "lseg"
RNG = np.random.default_rng(0)
WORDS = np.array([[1, 5, 199, 0], [1, 7, 9, 199]], np.int32)


def drawn(**shapes):
    return {name: RNG.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def under(prefix, state):
    return {prefix + name: array for name, array in state.items()}


def timm_state(width=64, layers=4, patch=16, grid=4):
    """A ViT by timm's names and layouts."""
    state = drawn(cls_token=(1, 1, width), pos_embed=(1, 1 + grid**2, width))
    state |= under("patch_embed.proj.", drawn(weight=(width, 3, patch, patch), bias=width))
    for k in range(layers):
        linears = {"attn.qkv": (3, 1), "attn.proj": (1, 1), "mlp.fc1": (4, 1), "mlp.fc2": (1, 4)}
        for name, (out, inputs) in linears.items():
            shapes = dict(weight=(out * width, inputs * width), bias=out * width)
            state |= under(f"blocks.{k}.{name}.", drawn(**shapes))
        for name in ("norm1", "norm2"):
            state |= under(f"blocks.{k}.{name}.", drawn(weight=width, bias=width))
    state |= under("norm.", drawn(weight=width, bias=width))
    return state | under("head.", drawn(weight=(10, width), bias=10))


def torchvision_state(width=8, blocks=(1, 1, 1, 1)):
    """A ResNet of bottlenecks by torchvision's names."""

    def norm(channels):
        parts = ("weight", "bias", "running_mean", "running_var")
        count = {"num_batches_tracked": np.array(7, np.int64)}
        return drawn(**dict.fromkeys(parts, channels)) | count

    state = under("conv1.", drawn(weight=(width, 3, 7, 7))) | under("bn1.", norm(width))
    inputs = width
    for stage, depth in enumerate(blocks):
        inner = width * 2**stage
        for k in range(depth):
            block = f"layer{stage + 1}.{k}."
            kernels = [(inner, inputs, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1)]
            for n, kernel in enumerate(kernels, start=1):
                state |= under(f"{block}conv{n}.", drawn(weight=kernel))
                state |= under(f"{block}bn{n}.", norm(kernel[0]))
            if k == 0:
                state |= under(f"{block}downsample.0.", drawn(weight=(4 * inner, inputs, 1, 1)))
                state |= under(f"{block}downsample.1.", norm(4 * inner))
            inputs = 4 * inner
    return state | under("fc.", drawn(weight=(10, inputs), bias=10))


def write(path, state):
    if path.suffix == ".pth":
        torch.save({name: torch.from_numpy(np.array(array)) for name, array in state.items()}, path)
    else:
        save_file(state, path)
    return path


def lseg(name="lseg_vit", **changes):
    system, variant, options, _ = TINY[name]
    return create_model(system, variant=variant, seed=5, **(options | changes))


def values(cell):
    return {name: parameter.asnumpy().copy() for name, parameter in cell.parameters_and_names()}


def changed(before, model):
    return {name for name, array in values(model).items() if not np.array_equal(array, before[name])}


@pytest.fixture
def clip_file(tmp_path):
    """Save a tiny converted CLIP; fields of its config may be changed. → (path, model)."""

    def make(kind="clip_vit", **changes):
        system, variant, options, _ = TINY[kind]
        options = options | {"vision_layers": 4, "image_resolution": 64} | changes
        if kind == "clip_resnet":
            options["vision_layers"] = (1, 1, 1, 1)
        model = create_model(system, variant=variant, seed=8, **options)
        path = tmp_path / f"{kind}.safetensors"
        save_file(tensors(model), path, metadata(system, variant, options))
        return path, model

    return make


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_timm(tmp_path, suffix):
    model, state = lseg(), timm_state()
    before = values(model)
    fill_image(model, write(tmp_path / f"vit{suffix}", state))
    assert changed(before, model) == {name for name in before if name.startswith("image.")}
    after = values(model.image)
    np.testing.assert_array_equal(after["class_token"], state["cls_token"])
    np.testing.assert_array_equal(after["position_embedding"], state["pos_embed"])
    np.testing.assert_array_equal(after["patch_embedding.weight"], state["patch_embed.proj.weight"])
    np.testing.assert_array_equal(after["blocks.3.attn.qkv.weight"], state["blocks.3.attn.qkv.weight"].T)
    np.testing.assert_array_equal(after["blocks.2.mlp.fc2.bias"], state["blocks.2.mlp.fc2.bias"])
    np.testing.assert_array_equal(after["blocks.1.ln_2.gamma"], state["blocks.1.norm2.weight"])


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
def test_torchvision(tmp_path, suffix):
    model, state = lseg("lseg_resnet"), torchvision_state()
    before = values(model)
    fill_image(model, write(tmp_path / f"resnet{suffix}", state))
    assert changed(before, model) == {name for name in before if name.startswith("image.")}
    after = values(model.image)
    np.testing.assert_array_equal(after["conv1.weight"], state["conv1.weight"])
    np.testing.assert_array_equal(after["bn1.moving_variance"], state["bn1.running_var"])
    np.testing.assert_array_equal(after["layer1.0.conv2.weight"], state["layer1.0.conv2.weight"])
    np.testing.assert_array_equal(
        after["layer4.0.downsample.bn.gamma"], state["layer4.0.downsample.1.weight"]
    )


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (
            lambda s: s.update({"blocks.0.norm3.weight": s["norm.weight"]}),
            r"1 stray and 0 missing tensors for timm's ViT of width 64, 4 blocks and patches of 16 pixels; "
            r"stray: 'blocks.0.norm3.weight' \(nearest: 'blocks.0.norm",
        ),
        (
            lambda s: s.update({"pos_embd": s.pop("pos_embed")}),
            r"stray: 'pos_embd' \(nearest: 'pos_embed'\); missing: 'pos_embed' \(nearest: 'pos_embd'\)",
        ),
        (
            lambda s: s.update({"blocks.4.norm1.weight": s["norm.weight"]}),
            "1 stray and 0 missing.*'blocks.4.norm1.weight'",
        ),
        (
            lambda s: s.update(pos_embed=s["pos_embed"][:, :10]),
            r"'pos_embed' has shape \(1, 10, 64\); timm's ViT.* has \(1, 17, 64\): give",
        ),
        (lambda s: s.update(cls_token=np.zeros((1, 1, 64), np.int32)), "'cls_token' has dtype I32"),
    ],
)
def test_other_vits_are_refused(tmp_path, spoil, message):
    model, state = lseg(), timm_state()
    before = values(model)
    spoil(state)
    with pytest.raises(UserError, match=f"vit.safetensors: .*{message}"):
        fill_image(model, write(tmp_path / "vit.safetensors", state))
    assert not changed(before, model)


@pytest.mark.parametrize(
    ("case", "variant"), [("vitl16_384", "clip_vitl16_384"), ("zs_rn101", "clip_resnet101")]
)
def test_every_name_of_the_published_towers(case, variant):
    specs = json.loads((CASES / case / "state_dict.json").read_text())
    # as the authors cut timm's and torchvision's networks up
    parts = {
        "model.": "",
        "layer1.0.": "conv1.",
        "layer1.1.": "bn1.",
        "layer1.4.": "layer1.",
        "layer": "layer",
    }
    state = {}
    for spec in specs:
        name = spec["name"].removeprefix("net.pretrained.")
        part = next((part for part in parts if name.startswith(part)), None)
        if part is not None:
            dtype = "I64" if spec["dtype"] == "int64" else "F32"
            state[parts[part] + name.removeprefix(part)] = Entry(dtype, tuple(spec["shape"]), None)
    assert len(state) == {"vitl16_384": 296, "zs_rn101": 624}[case]
    config = SYSTEMS["lseg"].variants[variant]
    made = {name: entry.shape for name, entry in image_tower(state, config).items()}
    assert made == {name: shape for name, shape in expected(config).items() if name.startswith("image.")}


def test_towers_of_the_other_kind_are_refused(tmp_path):
    path = write(tmp_path / "vit.safetensors", timm_state())
    with pytest.raises(UserError, match="torchvision's ResNet with .1, 1, 1, 1. blocks; stray: 'blocks.0"):
        fill_image(lseg("lseg_resnet"), path)
    path = write(tmp_path / "resnet.safetensors", torchvision_state())
    with pytest.raises(UserError, match="for timm's ViT .*; missing: 'cls_token'"):
        fill_image(lseg(), path)
    path = write(tmp_path / "deep.pth", torchvision_state(blocks=(1, 1, 2, 1)))
    with pytest.raises(UserError, match="15 stray and 0 missing .*'layer3.1.conv1.weight'"):
        fill_image(lseg("lseg_resnet"), path)


def test_text_of_clip(pynative, clip_file):
    path, clip = clip_file()
    model = lseg()
    before = values(model)
    fill_text(model, path)
    moved = changed(before, model)
    assert moved and all(name.startswith("text.") for name in moved)
    assert not any(parameter.requires_grad for parameter in model.text.get_parameters())
    np.testing.assert_array_equal(model.encode_text(WORDS), clip.encode_text(WORDS))


def test_text_of_another_size_is_refused(clip_file):
    path, _ = clip_file(text_layers=3, activation="gelu")
    with pytest.raises(UserError, match=r"layers 3 \(here 2\), activation gelu \(here quick_gelu\); give"):
        fill_text(lseg(), path)


def test_text_needs_a_converted_clip(tmp_path):
    path = write(tmp_path / "raw.safetensors", timm_state())
    with pytest.raises(UserError, match="raw.safetensors was not written by the converter; .*--system clip"):
        fill_text(lseg(), path)
    system, variant, options, _ = TINY["lseg_vit"]
    path = tmp_path / "lseg.safetensors"
    save_file(tensors(lseg()), path, metadata(system, variant, options))
    for fill in (fill_text, fill_image):
        with pytest.raises(UserError, match="checkpoint of 'lseg', here one of 'clip'"):
            fill(lseg(), path)
    lacking = tmp_path / "lacking.safetensors"
    save_file({"logit_scale": np.zeros((), np.float32)}, lacking, metadata("clip", "RN50", {}))
    with pytest.raises(UserError, match="tensor 'text.token_embedding' has no place in the file, not shape"):
        fill_text(lseg(), lacking)


# CLIP's heads are 64 channels wide
ONE_HEAD = {"patch_size": 16, "width": 64, "layers": 4, "heads": 1, "grid": 4}


def test_image_of_clip(clip_file):
    path, clip = clip_file()
    model = lseg(image=ONE_HEAD)
    before = values(model)
    model.image.patch_embedding.bias.set_data(ms.Tensor(np.ones(64, np.float32)))
    fill_image(model, path)
    moved = changed(before, model)
    assert moved and all(name.startswith("image.") for name in moved)
    ours, theirs = values(model.image), values(clip.image)
    for name in ours:
        if name.startswith("blocks.") or name == "patch_embedding.weight":
            np.testing.assert_array_equal(ours[name], theirs[name])
    np.testing.assert_array_equal(ours["class_token"][0, 0], theirs["class_embedding"])
    np.testing.assert_array_equal(ours["position_embedding"][0], theirs["positional_embedding"])
    assert not ours["patch_embedding.bias"].any()


def test_position_embedding_of_another_grid_is_resized(pynative, clip_file):
    path, _ = clip_file(image_resolution=32)
    model = lseg(image=ONE_HEAD | {"grid": 2})
    fill_image(model, path)
    wanted = model.image.resized_position_embedding((6, 6)).asnumpy()
    model = lseg(image=ONE_HEAD | {"grid": 6})
    fill_image(model, path)
    np.testing.assert_allclose(model.image.position_embedding.asnumpy(), wanted, atol=1e-7)


@pytest.mark.parametrize(
    ("kind", "name", "changes", "message"),
    [
        ("clip_vit", "lseg_vit", {}, r"image tower of .*clip_vit.safetensors .*: heads 1 \(here 2\); give"),
        ("clip_vit", "lseg_b32", {}, r"patch_size 16 \(here 32\)"),
        ("clip_resnet", "lseg_vit", {}, "this CLIP's image tower is a ResNet"),
        ("clip_vit", "lseg_resnet", {}, "the network's image tower is a ResNet"),
        ("clip_vit", "lseg_vit", {"vision_width": 128}, r"width 128 \(here 64\)"),
    ],
)
def test_other_image_towers_of_clip_are_refused(clip_file, kind, name, changes, message):
    path, _ = clip_file(kind, **changes)
    model = lseg("lseg_vit", image=ONE_HEAD | {"patch_size": 32}) if name == "lseg_b32" else lseg(name)
    with pytest.raises(UserError, match=message):
        fill_image(model, path)
