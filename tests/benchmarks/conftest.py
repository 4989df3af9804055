"""A reference case for the probe that needs neither MindSpore nor torch."""

import json

import pytest


@pytest.fixture
def reference(tmp_path):
    """The folder of a case with one tensor of 1.2 MB."""
    folder = tmp_path / "case"
    folder.mkdir()
    spec = {"kind": "lseg/network", "reference": {"arguments": {"backbone": "small"}}}
    (folder / "case.json").write_text(json.dumps(spec))
    tensor = {"name": "net.weight", "shape": [300, 1000], "dtype": "float32"}
    (folder / "state_dict.json").write_text(json.dumps([tensor]))
    return folder
