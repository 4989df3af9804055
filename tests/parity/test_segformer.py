"""Cases of SegFormer that no one has seen: other sizes, heads, strides and names; and malformed ones."""

import json

import numpy as np
import pytest

from convert import Entry, variants
from convert.tables import mit, segformer
from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.errors import UserError
from ms_ovs.models.segformer.variants import SegFormerConfig
from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import MET, NOT_MET
from ms_ovs.parity.runner import check, run
from tests.modes import uncompiled

# two heads in the first stage, which shapes do not tell
BACKBONE = MiTConfig(
    widths=(16, 16, 32, 32), depths=(1, 1, 1, 2), heads=(2, 2, 4, 4), strides=(4, 2, 2, 1), mlp_ratio=2
)
CONFIG = SegFormerConfig(backbone=BACKBONE, features=24, classes=7)
INPUTS = {"input:photo-1": [1, 3, 64, 48], "input:other photo": [2, 3, 45, 70]}
STAGES = {
    "segformer/network": ("stage1", "stage4", "fused", "logits", "labels"),
    "maskclip/converted": ("stage1", "stage2", "stage3", "stage4"),
}


def specs(table, config):
    """The tensors of a state_dict.json for a network of this size."""
    shapes = variants.expected(config)
    ours = {name: Entry.of(np.broadcast_to(np.float32(0), shape)) for name, shape in shapes.items()}
    rows = []
    for step in table.turned.plan(ours).steps:
        theirs = step.rule.hook.apply([ours[name] for name in step.sources], len(step.targets))
        for name, entry in zip(step.targets, theirs, strict=True):
            rows.append({"name": name, "shape": entry.shape, "dtype": "float32"})
    return rows


@pytest.fixture
def case_of(tmp_path):
    """A case of a kind, with the outputs that our own model gives; labels are stored as floats."""

    def make(kind, inputs=tuple(INPUTS)):
        own = kind == "segformer/network"
        heads = {"num_heads": BACKBONE.heads}
        names = inputs if own else ["input:photo-1"]
        tensors = specs(segformer.TABLE, CONFIG) if own else specs(mit.NVIDIA, BACKBONE)
        prefixes = [f"{name.removeprefix('input:')}." for name in names] if own else [""]
        outputs = {prefix + stage: "a stage" for prefix in prefixes for stage in STAGES[kind]}
        spec = {
            "kind": kind,
            "config": {"backbone": heads, "strides": BACKBONE.strides} if own else heads,
            "inputs": {name: {"kind": "normal", "shape": INPUTS[name]} for name in names},
            "outputs": outputs,
            "tolerance": {"error": "in words", "float32_cpu": 1e-4},
        }
        (tmp_path / "case.json").write_text(json.dumps(spec))
        (tmp_path / "state_dict.json").write_text(json.dumps(tensors))
        with uncompiled():
            ours = ADAPTERS[kind].compute(Case.open(tmp_path))
        np.savez(tmp_path / "outputs.npz", **{name: ours[name].astype(np.float32) for name in outputs})
        return Case.open(tmp_path)

    return make


def changed(case, *path, value=None):
    """The case with another value at a place of its spec, or without the place."""
    spec = json.loads((case.folder / "case.json").read_text())
    place = spec
    for key in path[:-1]:
        place = place[key]
    if value is None:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    (case.folder / "case.json").write_text(json.dumps(spec))
    return Case.open(case.folder)


def test_network(mode, case_of):
    case = case_of("segformer/network", list(INPUTS)[mode == "graph" :])  # each size is a graph of its own
    result = run(case)
    assert result.passed and (result.worst == 0 or mode == "graph")
    assert case.arrays["other photo.logits"].shape == (2, 7, 12, 18)
    assert case.arrays["other photo.labels"].shape == (2, 45, 70)
    with uncompiled():
        other = run(changed(case, "config", "backbone", "num_heads", value=[1, 1, 2, 2]))
    assert not other.passed, "heads have a say"


def test_near_ties_may_move_few_labels(pynative, case_of):
    case = case_of("segformer/network")
    arrays = dict(case.arrays)
    labels = arrays["other photo.labels"]
    for moved, status in ((0, MET), (1, NOT_MET)):
        labels[0, 0, :moved] += 1  # of 6300 pixels less than one may
        np.savez(case.folder / "outputs.npz", **arrays)
        rows = {row.output: row for row in run(Case.open(case.folder)).rows}
        assert rows["other photo.labels"].status == status
        assert rows["other photo.labels"].error == pytest.approx(moved / labels.size)


def test_needs_the_heads(pynative, case_of):
    case = changed(case_of("segformer/network"), "config", "backbone", "num_heads")
    with pytest.raises(UserError, match=r"case.json, at config.backbone.num_heads: Field required"):
        check(case)


def test_converted(mode, case_of):
    case = case_of("maskclip/converted")
    # the conversion has the published strides; these four stages are at 1/4 to 1/32
    assert case.arrays["stage4"].shape == (1, 32, 2, 2)
    assert run(case).passed
    with pytest.raises(UserError, match=r"config.num_heads: Field required"):
        run(changed(case, "config", "num_heads"))
