"""Files that training writes: loaded as converted ones are, and brought back to the authors' names."""

import json
import math
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from convert import Entry, convert_tensors, read, reverse_file, reverse_tensors
from convert.variants import config_of, expected
from ms_ovs import __version__, create_model
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import load_model
from ms_ovs.models.saving import metadata, tensors
from tests.tiny import TINY, WORDLESS

CASES = Path(__file__).parents[1] / "reference"
# a case of each network that the authors publish → (system, variant, options)
BLOCK = {"arch_option": 1, "block_depth": 2, "activation": "tanh"}
PUBLISHED = {
    "clip/rn50": ("clip", "RN50", {}),
    "clip/vit_b32": ("clip", "ViT-B/32", {}),
    "lseg/vitl16_384": ("lseg", "clip_vitl16_384", {}),
    "lseg/vitb32_384_arch1": ("lseg", "clip_vitb32_384", BLOCK),
    "lseg/rn50x16_vitl16": ("lseg", "clipRN50x16_vitl16_384", {}),
    "lseg/zs_rn101": ("lseg", "clip_resnet101", {}),
    "segformer/mit_b5": ("segformer", "mit_b5", {}),
}
NETWORKS = TINY | {"segformer": WORDLESS["segformer"]}


def hollow(shapes):
    """Entries of these shapes that hold no memory."""
    return {
        name: Entry("F32", shape, lambda s=shape: np.zeros(s, np.float32)) for name, shape in shapes.items()
    }


def authors_state(case):
    specs = json.loads((CASES / case / "state_dict.json").read_text())
    codes = {"float32": "F32", "float16": "F16", "int64": "I64"}
    return {s["name"]: Entry(codes[s["dtype"]], tuple(s["shape"]), None) for s in specs}


@pytest.mark.parametrize("name", NETWORKS)
def test_saved_and_loaded(tmp_path, name):
    system, variant, options, _ = NETWORKS[name]
    model = create_model(system, variant=variant, seed=3, **options)
    assert expected(config_of(system, variant, options)) == {
        name: parameter.shape for name, parameter in model.parameters_and_names()
    }
    path = tmp_path / "tiny.safetensors"
    save_file(tensors(model), path, metadata(system, variant, options))
    loaded, checkpoint = load_model(path, system=system)
    assert loaded.config == model.config and checkpoint.variant == variant
    assert checkpoint.metadata["trained_by"] == f"ms_ovs {__version__}"
    for ours, theirs in zip(loaded.get_parameters(), model.get_parameters(), strict=True):
        np.testing.assert_array_equal(ours.asnumpy(), theirs.asnumpy())


def test_options_are_those_that_differ():
    system, variant, options, _ = TINY["lseg_vit"]
    same = {"crop_size": 480, "mean": [0.5, 0.5, 0.5]}
    written = json.loads(metadata(system, variant, {**options, **same})["options"])
    assert set(written) == set(options) - {"resample"}  # the variant has these factors too
    instance = create_model(system, variant=variant, seed=None, **options).config
    assert json.loads(metadata(system, variant, vars(instance))["options"]) == written
    assert written["image"] == asdict(instance.image)
    assert written["text"]["width"] == 64


@pytest.mark.parametrize("case", PUBLISHED)
def test_back_to_the_authors_names(case):
    system, variant, options = PUBLISHED[case]
    written = metadata(system, variant, options)
    back = reverse_tensors(hollow(expected(config_of(system, variant, options))), written)
    theirs = authors_state(case)
    prefix = "net." if system == "lseg" else ""
    dropped = [prefix + name for name in json.loads(written["dropped"])]
    assert len(set(dropped)) == len(dropped)
    assert set(back.tensors) | set(dropped) == set(theirs) and not set(back.tensors) & set(dropped)
    assert {n: e.shape for n, e in back.tensors.items()} == {n: theirs[n].shape for n in back.tensors}
    # and what comes back is converted again as what it was
    again = convert_tensors(back.tensors, system=system, options=options)
    assert again.metadata["variant"] == variant
    assert json.loads(again.metadata["options"]) == options


def test_what_the_start_carried_and_dropped_stays(tmp_path):
    system, variant, options, _ = TINY["clip_vit"]
    model = create_model(system, variant=variant, seed=3, **options)
    start = metadata(system, variant, options) | {
        "source_naming": "openai",
        "source_prefix": "module.",
        "dropped": '["vocab_size"]',
        "source_sha256": "c0ffee",
    }
    carried = {
        "carried.input_resolution": Entry.of(np.array(32, np.int64)),
        "carried.context_length": Entry.of(np.array([0x3F80, 0xC000], np.uint16), "BF16"),
        "text.projection": Entry.of(np.full((64, 24), math.nan, np.float32)),
    }
    arrays = tensors(model, carried)
    np.testing.assert_array_equal(arrays["text.projection"], model.text.projection.asnumpy())
    np.testing.assert_array_equal(arrays["carried.context_length"], np.array([1, -2], np.float32))
    path = tmp_path / "on.safetensors"
    save_file(arrays, path, metadata(system, variant, options, started_from=start))
    assert read(path).metadata["source_sha256"] == "c0ffee"
    load_model(path)
    report = reverse_file(path, tmp_path / "back.safetensors")
    back = read(tmp_path / "back.safetensors").tensors
    assert report.dropped == ["vocab_size"] and back["module.input_resolution"].read() == 32
    assert len(back) == len(arrays)
    np.testing.assert_array_equal(back["module.text_projection"].read(), model.text.projection.asnumpy())


def test_the_start_of_another_system_lends_no_names():
    clip = metadata("clip", "ViT-B/32", {}) | {"source_sha256": "c0ffee"}
    written = metadata("lseg", "clip_vitb32_384", {}, started_from=clip)
    assert written == metadata("lseg", "clip_vitb32_384", {}) | {"source_sha256": "c0ffee"}
    assert (written["source_naming"], written["source_prefix"]) == ("lseg", "net.")


def test_refused():
    with pytest.raises(UserError, match="unknown variant of lseg 'clip_vitb16_384': did you mean"):
        metadata("lseg", "clip_vitb16_384", {})
    with pytest.raises(UserError, match="options do not fit lseg custom .*required"):
        metadata("lseg", "custom", {"features": 16})
    start = metadata("clip", "RN50", {})
    del start["source_naming"]
    with pytest.raises(UserError, match="metadata is damaged .*source_naming"):
        metadata("clip", "RN50", {}, started_from=start)
