"""A case of MaskCLIP+ that no one has seen: another size, other stages, other names; and one with a slip."""

import json

import numpy as np
import pytest

from convert import Entry, reverse_tensors, variants
from ms_ovs.errors import UserError
from ms_ovs.models import saving
from ms_ovs.parity.adapters import ADAPTERS
from ms_ovs.parity.adapters.maskclip_plus_cases import Annotations, limits
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import MET, NOT_MET
from ms_ovs.parity.runner import run
from tests.tiny import MASKCLIP_PLUS

CONFIG = {
    "student": {"num_heads": [1, 2, 4, 8]},
    "unlabeled_cats": [1, 3],
    "clip_unlabeled_cats": [1, 3],
    "start_clip_guided": [2, -1],
    "start_self_train": [1, 1],
    "optimizer": {"type": "SGD", "lr": 0.02, "momentum": 0.8, "weight_decay": 1e-3},
    "schedule": {"policy": "poly", "power": 0.7, "min_lr": 1e-3, "max_iters": 50},
}
OUTPUTS = {
    "train.logits": "scores of step 0",
    "loss": "of two steps",
    "acc": "percent",
    "lr": "rates",
    "labels_0": "labels of step 0",
    "histogram_0": "counts",
    "labels_1": "labels of step 1",
    "gradient_norms": "norms of the gradients of step 0 of: "
    "backbone.layers.0.0.projection.weight, decode_head.decode_module.fusion_conv.conv.weight",
    "counter": "at the end",
}


@pytest.fixture
def case(tmp_path, pynative):
    """The case, with the outputs that our own code gives."""
    system, variant, options, _ = MASKCLIP_PLUS["plus_segformer"]
    options = {**options, "backbone": {**options["backbone"], "heads": [1, 2, 5, 8]}}
    config = variants.config_of(system, variant, options)
    ours = {name: Entry.of(np.zeros(shape, np.float32)) for name, shape in variants.expected(config).items()}
    named = reverse_tensors(ours, saving.metadata(system, variant, options)).tensors
    manifest = [{"name": n, "shape": list(e.shape), "dtype": "float32"} for n, e in named.items()]
    images = {f"input:image_{k}": {"kind": "normal", "shape": [2, 3, 64, 96]} for k in (0, 1)}
    maps = {f"input:map_{k}": {"kind": "labels", "shape": [2, 1, 64, 96], "high": 5} for k in (0, 1)}
    spec = {
        "kind": "maskclip_plus/zero_shot_train",
        "config": {**CONFIG, "student": {"num_heads": [1, 2, 5, 8]}},
        "overrides": {"model.backbone.drop_path_rate": 0.0},
        "inputs": {**images, **maps},
        "input_note": "annotation of step k: table [0, -1, 2, -1, 255] indexed with input:map_k",
        "outputs": OUTPUTS,
        "tolerance": {"error": "by the rule", "float32_cpu": 1e-4},
    }
    (tmp_path / "case.json").write_text(json.dumps(spec))
    (tmp_path / "state_dict.json").write_text(json.dumps(manifest))
    np.savez(tmp_path / "outputs.npz", loss=np.zeros(2))
    found = ADAPTERS[spec["kind"]].compute(Case.open(tmp_path))
    np.savez(tmp_path / "outputs.npz", **{name: np.asarray(found[name], np.float32) for name in OUTPUTS})
    return Case.open(tmp_path)


def statuses(case):
    return {row.output: row.status for row in run(case).rows}


def test_it_is_served_and_a_slip_is_seen(case):
    assert set(statuses(case).values()) == {MET}
    arrays = dict(case.arrays)
    assert arrays["counter"] == [2] and arrays["lr"][0] == pytest.approx(0.02)
    assert arrays["lr"][1] == pytest.approx(0.019 * (49 / 50) ** 0.7 + 1e-3)
    # the first step's labels are the student's, the second's the teacher's; 1 and 3 are the candidates
    for step in (0, 1):
        target = Annotations(case)(step)[:, None]
        labels = arrays[f"labels_{step}"]
        assert set(np.unique(labels[target == -2])) <= {1, 3} and (labels[target == -1] == 255).all()
        np.testing.assert_array_equal(labels[target >= 0], target[target >= 0])
    arrays["loss"] = arrays["loss"] * [1, 1.01]
    arrays["labels_1"][:, :, :4] = 4
    np.savez(case.folder / "outputs.npz", **arrays)
    missed = {name for name, status in statuses(Case.open(case.folder)).items() if status == NOT_MET}
    assert missed == {"loss", "labels_1"}


def test_noise_that_a_case_records_is_allowed_three_times(case):
    case.spec["reference_noise"] = {
        "losses": [1e-6, 4e-3],
        "gradient_norms": [1e-3, 5e-3],
        "labels_differing_share": [0.0, 0.01],
    }
    found = limits(case)
    assert found["loss"].value == (1e-4, pytest.approx(1.5e-2)) and found["loss"].measure == "relative"
    assert found["gradient_norms"].value == (pytest.approx(9e-3), pytest.approx(1.5e-2))
    assert (found["labels_0"].value, found["labels_1"].value) == (1e-3, pytest.approx(0.03))


def test_annotations_that_are_not_understood(case):
    case.spec["input_note"] = "annotations are drawn somehow"
    with pytest.raises(UserError, match="says no way to draw annotations that is known"):
        Annotations(case)
