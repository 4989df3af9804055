"""Cases that are not whole: each is one clear line, before anything slow is done."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.parity.case import Case
from ms_ovs.parity.runner import check

REFERENCE = Path(__file__).parents[1] / "reference"


@pytest.fixture
def copy(tmp_path):
    """Copy a reference case and change it: `spec` and `arrays` are called with what they may alter."""

    def copy(name, spec=None, arrays=None):
        folder = tmp_path / Path(name).name
        shutil.copytree(REFERENCE / name, folder)
        if spec:
            content = json.loads((folder / "case.json").read_text())
            spec(content)
            (folder / "case.json").write_text(json.dumps(content))
        if arrays:
            with np.load(folder / "outputs.npz") as file:
                content = dict(file)
            arrays(content)
            np.savez(folder / "outputs.npz", **content)
        return Case.open(folder)

    return copy


def put(*path, value):
    """A change that puts `value` at a place of nested dicts."""

    def change(content):
        for part in path[:-1]:
            content = content[part]
        content[path[-1]] = value

    return change


def take(*path):
    """A change that takes away what is at a place of nested dicts."""

    def change(content):
        for part in path[:-1]:
            content = content[part]
        del content[path[-1]]

    return change


PHOTO, NETWORK = "clip/preprocess", "lseg/vitb32_384"


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (PHOTO, take("tolerance"), "at tolerance: Field required"),
        (
            PHOTO,
            put("tolerance", value={"error": -1}),
            "at tolerance.Tolerance.error: .*greater than or equal",
        ),
        (PHOTO, put("outputs", value={}), "at outputs: .*at least 1"),
        (PHOTO, put("outputs", value={"photo_a": "no size"}), "at outputs.photo_a"),
        (PHOTO, put("inputs", "input:photo_a", "kind", value="uint9"), "input:photo_a.kind"),
        (PHOTO, put("inputs", "input:photo_a", "shape", value=[3, -3, 3]), "input:photo_a.shape"),
        ("clip/tokenizer", take("reference", "arguments"), "at reference.arguments: Field required"),
        ("clip/tokenizer", put("file", value="absent.json: rows"), "absent.json cannot be read"),
        ("clip/vit_b32", take("prompts"), "at prompts: Field required"),
        (NETWORK, take("reference"), "at reference: Field required"),
        (NETWORK, put("labels", value=[1]), "at labels.0: .*valid string"),
        (NETWORK, put("inputs", "input:image", "shape", value=[1, 1, 64, 64]), "shape.1: Input should be 3"),
        (NETWORK, put("state_dict_of", value="lseg/absent"), "absent/state_dict.json cannot be read"),
        ("lseg/zs_rn101", put("label_pairs", value=[["one"]]), "label_pairs"),
    ],
)
def test_a_malformed_spec(copy, name, change, message):
    with pytest.raises(UserError, match=message):
        check(copy(name, spec=change))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (take("photo_a.224"), "lacks 'photo_a.224', which case.json lists"),
        (put("photo_a.224", value=np.zeros((3, 0, 2))), "holds no numbers"),
        (put("photo_a.224", value=np.array("text")), "holds no numbers"),
        (put("photo_a.224.stride", value=np.array([2, 2])), "must be 3 whole numbers from 1 on"),
        (put("photo_a.224.stride", value=np.array([0, 1, 1])), "must be 3 whole numbers from 1 on"),
    ],
)
def test_malformed_arrays(copy, change, message):
    with pytest.raises(UserError, match=message):
        check(copy(PHOTO, arrays=change))


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "absent"])
def test_a_damaged_archive(copy, damage):
    case = copy(PHOTO)
    path = case.folder / "outputs.npz"
    data = bytearray(path.read_bytes())
    data[3000] ^= 255
    path.write_bytes({"cut": data[:5000], "flipped": data}.get(damage, b""))
    if damage == "absent":
        path.unlink()
    with pytest.raises(UserError, match=r"outputs.npz cannot be read"):
        check(case)


TENSOR = {"name": "w", "shape": [2], "dtype": "float32"}


@pytest.mark.parametrize(
    ("manifest", "message"),
    [
        ({"w": [2]}, "valid array"),
        ([{"name": "w"}], "at 0.shape: Field required"),
        ([TENSOR | {"dtype": "float99"}], "at 0.dtype"),
        ([TENSOR | {"shape": [-1]}], "at 0.shape.0"),
        ([TENSOR | {"value": [1, 2, 3]}], "the value of 'w' does not fit"),
        ([TENSOR, TENSOR], "lists 1 tensors twice"),
    ],
)
def test_a_malformed_manifest(copy, manifest, message):
    case = copy(NETWORK)
    (case.folder / "state_dict.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=rf"state_dict.json.*{message}"):
        check(case)
