"""Options that commands share: the checkpoint when none is named, and values from a file."""

import pytest
from PIL import Image

from ms_ovs.cli import options
from ms_ovs.errors import UserError


def test_the_quickstart_s_checkpoint_stands_in(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(
        UserError, match=r"no checkpoint at runs/quickstart.*quickstart\.sh.*python -m convert"
    ):
        options.checkpoint(None)
    assert options.checkpoint(tmp_path / "mine") == tmp_path / "mine", (
        "what is wrong with it, its reader says"
    )
    options.QUICKSTART.parent.mkdir(parents=True)
    options.QUICKSTART.touch()
    assert options.checkpoint(None) == options.QUICKSTART


def test_predict_without_a_checkpoint(tmp_path, monkeypatch, ms_ovs, flag):
    Image.fromarray(flag).save(tmp_path / "flag.png")
    monkeypatch.chdir(tmp_path)
    status, _, err = ms_ovs("predict", "flag.png", "--labels", "red", "--out", "out")
    lines = err.splitlines()
    assert status == 2 and len(lines) == 1 and "bash scripts/quickstart.sh" in lines[0]
    assert not (tmp_path / "out").exists()
