"""MaskCLIP's checkpoints: a whole CLIP, a network of mmsegmentation, and the authors' own parts."""

import json

import numpy as np
import pytest

from convert import convert_file, convert_tensors, read, reverse_file, reverse_tensors, torch_zip
from convert.rules import CARRIED
from convert.tables import TABLES
from ms_ovs.clip.variants import VARIANTS as CLIPS
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip.variants import VARIANTS
from tests.convert.conftest import TINY_RESNET, TINY_VIT, drawn, state_of

CLASSES = 7
STATES = ["openai_state", "resnet_state"]
VARIANT_OF = {"vit_b16": "ViT-B/16", "rn50": "RN50", "convert_clip_vit_b16": "ViT-B/16"}
VARIANT_OF |= {"convert_clip_rn50": "RN50"}


def kinds(tensors):
    return {name: (entry.dtype, entry.shape) for name, entry in tensors.items()}


@pytest.fixture(params=[TINY_VIT, TINY_RESNET], ids=["vit", "resnet"])
def parts(request, tmp_path, entries):
    """The authors' three files of one tiny CLIP, their tensors, and the folder that they are in."""
    clip = request.param
    naming = "vit" if clip.vision_patch_size else "resnet"
    table = next(
        t
        for t in TABLES
        if (t.system, t.naming) == ("maskclip", "weights")
        and (naming == "vit") == bool(t.matches("clip.ln0.bias"))
    )
    ours = convert_tensors(
        entries(state_of(_clip_table(clip), clip)), system="maskclip", drop_unused=True
    ).tensors
    own = {name: entry for name, entry in ours.items() if name.startswith("image.")}
    steps = table.turned.plan(own).steps
    weights = {}
    for step in steps:
        for name, entry in zip(
            step.targets, step.rule.hook.apply([own[n] for n in step.sources], 1), strict=True
        ):
            weights[name] = entry.read()
    backbone = {
        name.replace("clip.", "backbone.", 1): array
        for name, array in weights.items()
        if name.startswith("clip.")
    }
    text = {"text": drawn("text", (CLASSES, clip.embed_dim))}
    torch_zip.write(tmp_path / "weights.pth", entries(weights), layout="nested")
    torch_zip.write(tmp_path / "backbone.pth", entries(backbone), layout="mmcv")
    torch_zip.write(tmp_path / "text.pth", entries(text), layout="lone")
    return tmp_path, {"weights": weights, "backbone": backbone, "text": text["text"]}


def _clip_table(clip):
    (table,) = [
        t
        for t in TABLES
        if (t.system, t.naming) == ("clip", "openai")
        and bool(t.matches("visual.proj")) == bool(clip.vision_patch_size)
    ]
    return table


@pytest.mark.parametrize("case", VARIANT_OF)
def test_every_reference_name_there_and_back(case, reference_state):
    source = reference_state(f"maskclip/{case}")
    if case.startswith("convert"):
        source["text_embeddings"] = source.pop("decode_head.text_embeddings")
    done = convert_tensors(source, system="maskclip")
    assert done.metadata["variant"] == VARIANT_OF[case]
    assert done.report.options == {"text": None, "classes": 59}
    assert kinds(reverse_tensors(done.tensors, done.metadata).tensors) == kinds(source)


@pytest.mark.parametrize("state", STATES)
def test_a_whole_clip_there_and_back(state, tmp_path, entries, same, request):
    source = request.getfixturevalue(state)
    torch_zip.write(tmp_path / "clip.pt", entries(source), bare=True)
    report = convert_file(tmp_path / "clip.pt", tmp_path / "m.safetensors", system="maskclip")
    assert report.variant == "custom" and report.options["text"].embed_dim == 24
    converted = read(tmp_path / "m.safetensors")
    assert f"{CARRIED}logit_scale" in converted.tensors and "text.projection" in converted.tensors
    assert "image.attnpool.positional_embedding" not in converted.tensors
    reverse_file(tmp_path / "m.safetensors", tmp_path / "back.pt")
    same(read(tmp_path / "back.pt").tensors, source)


def test_the_names_of_the_published_clips_tell_the_variant():
    from convert import Entry
    from convert.shapes import clip as shapes_of

    for name in VARIANTS:
        table = _clip_table(CLIPS[name])
        state = {}
        for target, shape in shapes_of(CLIPS[name]).items():
            (step,) = table.turned.plan([target]).steps
            hollow = Entry("F32", shape, lambda: None)
            state[step.targets[0]] = step.rule.hook.apply([hollow], 1)[0]
        done = convert_tensors(state, system="maskclip")
        assert (done.metadata["variant"], done.report.options) == (name, {})


def test_the_authors_parts_together(parts, same):
    folder, state = parts
    report = convert_file(
        folder / "backbone.pth",
        folder / "m.safetensors",
        system="maskclip",
        others=[folder / "weights.pth", folder / "text.pth"],
        options={"pd_thresh": 0.5},
    )
    assert report.naming == "weights" and report.options["classes"] == CLASSES
    assert report.options["pd_thresh"] == 0.5 and report.options["text"] is None
    for naming in ("weights", "backbone", "text"):
        reverse_file(folder / "m.safetensors", folder / f"{naming}2.pth", naming=naming)
    same(read(folder / "weights2.pth").tensors, state["weights"] | {"text_embeddings": state["text"]})
    same(read(folder / "backbone2.pth").tensors, state["backbone"])
    same(read(folder / "text2.pth", lone="text").tensors, {"text": state["text"]})
    # the network as mmsegmentation saves it, and back
    reverse_file(folder / "m.safetensors", folder / "whole.pth", naming="mmseg")
    again = convert_file(folder / "whole.pth", folder / "again.safetensors", system="maskclip")
    assert again.naming == "mmseg"
    first, second = (read(folder / f"{name}.safetensors").tensors for name in ("m", "again"))
    same(second, {name: entry.read() for name, entry in first.items()})
    projections = [n for n in read(folder / "whole.pth").tensors if n.endswith("proj.weight") and "head" in n]
    assert all(read(folder / "whole.pth").tensors[name].shape[2:] == (1, 1) for name in projections)


def test_files_as_torch_writes_them(parts):
    torch = pytest.importorskip("torch")
    folder, state = parts
    nested = torch.load(folder / "weights.pth", weights_only=True)
    assert {"clip"} < set(nested) <= {"clip", "proj", "q_proj", "k_proj", "v_proj", "c_proj"}
    whole = torch.load(folder / "backbone.pth", weights_only=True)
    assert whole["meta"] == {} and len(whole["state_dict"]) == len(state["backbone"])
    text = torch.load(folder / "text.pth", weights_only=True)
    np.testing.assert_array_equal(text.numpy(), state["text"])


def test_a_whole_clip_becomes_the_authors_parts(tmp_path, openai_state, entries):
    torch_zip.write(tmp_path / "clip.pt", entries(openai_state), bare=True)
    convert_file(tmp_path / "clip.pt", tmp_path / "m.safetensors", system="maskclip")
    report = reverse_file(tmp_path / "m.safetensors", tmp_path / "weights.pth", naming="weights")
    assert "text.projection" in report.dropped and "logit_scale" in report.dropped
    weights = read(tmp_path / "weights.pth").tensors
    np.testing.assert_array_equal(weights["proj.weight"].read(), openai_state["visual.proj"].T)
    with pytest.raises(UserError, match="text has no names for any tensor"):
        reverse_file(tmp_path / "m.safetensors", tmp_path / "text.pth", naming="text")


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (("weights",), "nothing for the words: give a whole CLIP, or the authors' …_clip_text.pth by --with"),
        (
            ("backbone",),
            "image tower without the projections .* add the authors' …_clip_weights.pth by --with",
        ),
        (("backbone", "text"), "image tower without the projections"),
        (("text",), "missing tensors for maskclip"),
    ],
)
def test_parts_that_are_missing(parts, files, message):
    folder, _ = parts
    first, *others = (folder / f"{name}.pth" for name in files)
    with pytest.raises(UserError, match=message):
        convert_file(first, folder / "m.safetensors", system="maskclip", others=others)
    assert not (folder / "m.safetensors").exists()


def test_parts_of_two_clips(parts, entries):
    folder, state = parts
    backbone = dict(state["backbone"])
    name = next(iter(backbone))
    backbone[name] = backbone[name] + 1
    torch_zip.write(folder / "other.pth", entries(backbone), layout="mmcv")
    with pytest.raises(UserError, match="tensor 'clip.*' is another one than in .*other.pth"):
        convert_file(
            folder / "other.pth",
            folder / "m.safetensors",
            system="maskclip",
            others=[folder / "weights.pth", folder / "text.pth"],
        )


def test_words_of_another_width(parts, entries):
    folder, _ = parts
    torch_zip.write(folder / "wide.pth", entries({"text": drawn("text", (CLASSES, 32))}), layout="lone")
    with pytest.raises(UserError, match="class embeddings have width 32, the image features 24"):
        convert_file(
            folder / "weights.pth", folder / "m.safetensors", system="maskclip", others=[folder / "wide.pth"]
        )


def test_words_twice(tmp_path, openai_state, entries):
    torch_zip.write(tmp_path / "clip.pt", entries(openai_state), bare=True)
    torch_zip.write(tmp_path / "text.pth", entries({"text": drawn("text", (3, 24))}), layout="lone")
    with pytest.raises(UserError, match="class embeddings and a text tower"):
        convert_file(
            tmp_path / "clip.pt",
            tmp_path / "m.safetensors",
            system="maskclip",
            others=[tmp_path / "text.pth"],
        )
    with pytest.raises(UserError, match="further files go with --system maskclip, not clip"):
        convert_file(
            tmp_path / "clip.pt", tmp_path / "c.safetensors", system="clip", others=[tmp_path / "text.pth"]
        )
    with pytest.raises(UserError, match="holds a single tensor, no state dict"):
        convert_file(tmp_path / "text.pth", tmp_path / "c.safetensors", system="clip")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pd_thresh": 1.5}, "pd_thresh is 1.5; it must be a number from 0 to 1"),
        ({"ks_axis": "rows"}, "positions or channels"),
        ({"scale": [520]}, r"two whole numbers from 1 on, such as \[2048, 512\]"),
        ({"tau": 0}, "a number above 0"),
        ({"attn_pooling": 1}, "true or false"),
        ({"ks_tresh": 1}, "did you mean 'ks_thresh'"),
        ({"vision_heads": 5}, "an image tower of width 64 has no 5 heads"),
    ],
)
def test_options_are_checked(options, message, openai_state, entries):
    with pytest.raises(UserError, match=message):
        convert_tensors(entries(openai_state), system="maskclip", options=options)


def test_options_are_recorded(openai_state, entries):
    options = {"ks_thresh": 1, "scale": [520, 520], "ks_axis": "channels"}
    done = convert_tensors(entries(openai_state), system="maskclip", options=options)
    recorded = json.loads(done.metadata["options"])
    assert {**recorded, **options} == recorded
    assert recorded["activation"] == "gelu" and done.metadata["activation"] == "quick_gelu"
