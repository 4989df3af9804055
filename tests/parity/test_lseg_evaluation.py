"""The adapters for LSeg's tests: the recorded cases, and cases of the same kinds with other sizes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.lseg_evaluation import MetricsCase, MultiEvalCase, _numbers, metrics, multi_eval
from ms_ovs.parity.case import Case

FOLDER = Path(__file__).parents[1] / "reference" / "lseg"


@pytest.fixture
def changed(tmp_path):
    """A case whose spec was changed: `changed(name, change)`, where change(spec) works in place."""

    def make(name, change):
        folder = tmp_path / name
        shutil.copytree(FOLDER / name, folder)
        spec = json.loads((folder / "case.json").read_text())
        change(spec)
        (folder / "case.json").write_text(json.dumps(spec))
        return Case.open(folder)

    return make


def test_metrics():
    case = Case.open(FOLDER / "metrics")
    schema.read(case.folder / "case.json", MetricsCase)
    ours = metrics(case)
    assert set(ours) == set(case.descriptions)
    for output, description in case.descriptions.items():
        theirs = case.arrays[output]
        assert ours[output].shape == theirs.shape and ours[output].dtype == theirs.dtype
        if "exact]" in description:
            np.testing.assert_array_equal(ours[output], theirs)
        else:
            np.testing.assert_allclose(ours[output], theirs, rtol=1e-7)


def test_metrics_of_another_case(changed):
    def change(spec):
        for name, value in spec["inputs"].items():
            if name.startswith("input:logits"):
                value["shape"][1] = 6
            if name.startswith("input:labels"):
                value["high"] = 7
        text = "\n".join(spec["construction"])
        pascal, coco = (
            "classes of interest 15..19, class id = fs_class + 15",
            "0, 4, ..., 76, class id = 4 * fs",
        )
        for old, new in (
            ("fs_logits[3, 0] += 100", "fs_logits[1, 1] += 50"),
            ("classes of interest 5..9, class id = fs_class + 5", pascal),
            ("2, 6, ..., 78, class id = 2 + 4 * fs", coco),
            ("episodes 0..4, then 5..7", "episodes 0..1, then 2..7"),
        ):
            assert old in text
            text = text.replace(old, new)
        spec["construction"] = text.split("\n")
        sentence = spec["outputs"]["absent.inter"]
        spec["outputs"]["absent.inter"] = sentence.replace("4 and 9", "2, 3 and 5").replace(
            "class 9", "class 5"
        )

    ours = metrics(changed("metrics", change))
    assert ours["first.inter"].shape == (6,) and ours["absent.union"][5] == 0 < ours["absent.union"][4]
    assert ours["pascal.inter_first"].shape == (2, 2) and ours["pascal.inter_first"][0, 1] == 0
    assert ours["coco.miou_fbiou"][1] == ours["fss.miou_fbiou"][1]


@pytest.mark.parametrize("lost", ["pascal", "two updates"])
def test_a_construction_that_is_not_understood(changed, lost):
    def change(spec):
        spec["construction"] = [line.replace(lost, "something") for line in spec["construction"]]

    with pytest.raises(UserError, match="does not say"):
        metrics(changed("metrics", change))


@pytest.mark.parametrize(
    ("text", "numbers"),
    [("5..9", [5, 6, 7, 8, 9]), ("2, 6, ..., 14", [2, 6, 10, 14]), ("1, 4, 9", [1, 4, 9])],
)
def test_numbers(text, numbers):
    assert _numbers(text) == numbers


def test_one_scale(changed):
    def change(spec):
        spec["outputs"] = {k: v for k, v in spec["outputs"].items() if k.startswith("scores_scale")}

    case = changed("multi_eval", change)
    schema.read(case.folder / "case.json", MultiEvalCase)
    ours = multi_eval(case)
    for output in case.descriptions:
        theirs, stride = case.arrays[output], case.arrays[f"{output}.stride"]
        full = ours[output][tuple(slice(None, None, int(step)) for step in stride)]
        assert np.abs(full - theirs).max() / theirs.std() < 1e-4


@pytest.mark.slow
def test_all_scales():
    case = Case.open(FOLDER / "multi_eval")
    ours = multi_eval(case)
    assert set(ours) == set(case.descriptions)
    for output in case.descriptions:
        theirs, stride = case.arrays[output], case.arrays[f"{output}.stride"]
        full = ours[output][tuple(slice(None, None, int(step)) for step in stride)]
        assert np.abs(full - theirs).max() / theirs.std() < 1e-4


def test_another_evaluator(changed):
    def change(spec):
        arguments = spec["reference"]["arguments"]
        arguments |= {"nclass": 4, "base_size": 60, "crop_size": 40, "scales": [1.0, 1.5], "flip": False}
        for value in spec["inputs"].values():
            value["shape"] = [1, 3, value["shape"][2] // 10, value["shape"][3] // 10]
        spec["mean"], spec["std"] = [0.4, 0.5, 0.6], [0.2, 0.3, 0.4]

    case = changed("multi_eval", change)
    tensors = [("standin.weight", [4, 3, 5, 5]), ("standin.bias", [4])]
    text = json.dumps([{"name": name, "shape": shape, "dtype": "float32"} for name, shape in tensors])
    (case.folder / "state_dict.json").write_text(text)
    ours = multi_eval(case)
    assert ours["scores"].shape == (1, 4, 33, 50) and ours["scores_tall"].shape == (1, 4, 50, 33)
    # with flip, both as its name says and as its description does
    assert np.abs(ours["scores"]).max() <= 4 and np.abs(ours["scores_citys"]).max() <= 7
    assert ours["scores_scale_1.0"].std() > 0


def test_another_network(changed):
    case = changed("multi_eval", lambda spec: None)
    (case.folder / "state_dict.json").write_text('[{"name": "x", "shape": [1], "dtype": "float32"}]')
    with pytest.raises(UserError, match=r"standin\.weight.*has x"):
        multi_eval(case)
