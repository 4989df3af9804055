"""A case that no one has seen: a small CLIP with heads of its own, and inputs with names of their own."""

import json

import numpy as np
import pytest

from convert import Entry, variants
from convert.tables import clip as tables
from ms_ovs.clip.variants import CLIPConfig
from ms_ovs.errors import UserError
from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import MET, NOT_MET
from ms_ovs.parity.runner import run
from tests.modes import uncompiled

CONFIG = CLIPConfig(
    embed_dim=32,
    image_resolution=48,
    vision_layers=2,
    vision_width=64,
    vision_patch_size=16,
    text_width=128,
    text_heads=4,  # not one for 64 channels, which is what shapes suggest
    text_layers=2,
)
INPUTS = {"input:photo-1": [1, 3, 48, 48], "input:other photo": [2, 3, 48, 48]}
OUTPUTS = {
    "text_features": "text",
    "one.logits_per_image": "a single number (for input:photo-1)",
    "two.logits_per_image": "two (for input:other photo)",
    "two.visual_block_0": "tokens first (for input:other photo)",
}


@pytest.fixture
def case(tmp_path):
    """The case, with the outputs that our own model gives."""
    spec = {
        "kind": "clip/network",
        "reference": {"arguments": {"transformer_heads": 4}},
        "inputs": {name: {"kind": "normal", "shape": shape} for name, shape in INPUTS.items()},
        "prompts": ["a red bus"],
        "outputs": OUTPUTS,
        "tolerance": {"error": 1e-3},
    }
    manifest = []
    for target, shape in variants.expected(CONFIG).items():
        (step,) = tables.VIT_TABLE.turned.plan([target]).steps
        (source,) = step.rule.hook.apply([Entry.of(np.zeros(shape, np.float32))], 1)
        manifest.append({"name": step.targets[0], "shape": source.shape, "dtype": "float32"})
    (tmp_path / "case.json").write_text(json.dumps(spec))
    (tmp_path / "state_dict.json").write_text(json.dumps(manifest))
    with uncompiled():
        ours = ADAPTERS["clip/network"].compute(Case.open(tmp_path))
    np.savez(tmp_path / "outputs.npz", **{name: ours[name] for name in OUTPUTS})
    return Case.open(tmp_path)


def changed(case, *path, value):
    """The case with another value at a place of its spec."""
    spec = place = json.loads((case.folder / "case.json").read_text())
    for part in path[:-1]:
        place = place[part]
    place[path[-1]] = value
    (case.folder / "case.json").write_text(json.dumps(spec))
    return Case.open(case.folder)


def test_it_is_served(mode, case):
    assert [row.status for row in run(case).rows] == [MET] * len(OUTPUTS)
    assert case.arrays["one.logits_per_image"].shape == (1, 1)
    other = changed(case, "reference", "arguments", "transformer_heads", value=2)
    with uncompiled():
        rows = {row.output: row.status for row in run(other).rows}
    assert rows["text_features"] == rows["one.logits_per_image"] == NOT_MET
    assert rows["two.visual_block_0"] == MET


def test_an_image_that_the_network_does_not_take(pynative, case):
    smaller = changed(case, "inputs", "input:photo-1", "shape", value=[1, 3, 32, 32])
    with pytest.raises(UserError, match="input:photo-1 is of .*; the network takes 48 pixels"):
        run(smaller)
    unknown = changed(case, "outputs", "one.logits_per_image", value="(for input:photo-2)")
    with pytest.raises(UserError, match="unknown input 'input:photo-2': did you mean 'input:photo-1'"):
        run(unknown)
