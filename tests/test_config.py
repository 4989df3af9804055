"""Settings from files: what is known is taken, all else is one clear line."""

from pathlib import Path

import pytest

from ms_ovs.config import PredictSettings, load
from ms_ovs.errors import UserError

CONFIGS = sorted((Path(__file__).parents[1] / "configs").rglob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_shipped_configs_are_valid(path):
    assert load(path, PredictSettings).model_fields_set


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("labls: cat", r"unknown key in .*'labls': did you mean 'labels'"),
        ("whole: 3", "whole: Input should be a valid boolean, not 3"),
        ("labels: [a", "is not YAML"),
        ("just words", "holds no 'key: value' lines"),
        ("", "holds no 'key: value' lines"),
    ],
)
def test_errors_are_one_line(tmp_path, text, message):
    path = tmp_path / "c.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=message) as caught:
        load(path, PredictSettings)
    assert "\n" not in str(caught.value)


def test_missing_file(tmp_path):
    with pytest.raises(UserError, match=r"config .*none.yaml cannot be read"):
        load(tmp_path / "none.yaml", PredictSettings)
