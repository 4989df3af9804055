"""`test.sh`: which command it starts, and its errors; and the configs that it is given."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ms_ovs.cli.eval_settings import EvalSettings
from ms_ovs.config import load
from ms_ovs.data.fewshot import FEW_SHOT, FewShotSettings
from ms_ovs.evaluation.evaluate import PROTOCOLS

ROOT = Path(__file__).parents[2]
CHECKPOINT = "runs/quickstart/lseg/best.safetensors"


@pytest.fixture
def run(tmp_path):
    """Run the script in a checkout whose launcher only says how it was called; (status, stdout, stderr)."""
    shutil.copy(ROOT / "test.sh", tmp_path)
    for name in ("configs/lseg/tiny_eval.yaml", CHECKPOINT, "other.yaml", "other.safetensors"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "scripts").mkdir()
    (tmp_path / "scripts/launch.sh").write_text('echo launch "$@"\n')

    def run(*arguments, **environment):
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        done = subprocess.run(
            ["bash", tmp_path / "test.sh", *arguments],
            cwd="/",
            env=kept | environment,
            capture_output=True,
            text=True,
        )
        return done.returncode, done.stdout, done.stderr

    return run


def test_without_arguments_it_scores_the_quickstart(run):
    status, said, _ = run()
    expected = f"launch 1 eval --config configs/lseg/tiny_eval.yaml --checkpoint {CHECKPOINT}\n"
    assert (status, said) == (0, expected)


def test_config_checkpoint_devices_and_options(run):
    status, said, _ = run("other.yaml", "other.safetensors", "--fold", "2", DEVICE="Ascend", NUM_DEVICES="4")
    named = "--config other.yaml --checkpoint other.safetensors --device Ascend --fold 2"
    assert (status, said) == (0, f"launch 4 eval {named}\n")


@pytest.mark.parametrize(
    ("arguments", "environment", "gone", "words"),
    [
        ([], {}, CHECKPOINT, ["no checkpoint", "bash scripts/quickstart.sh"]),
        (["other.yaml", "none.safetensors"], {}, None, ["none.safetensors", "bash scripts/quickstart.sh"]),
        (["none.yaml"], {}, None, ["no config none.yaml"]),
        ([], {"NUM_DEVICES": "two"}, None, ["NUM_DEVICES", "'two'"]),
        ([], {"NUM_DEVICES": "0"}, None, ["NUM_DEVICES", "above 0"]),
    ],
)
def test_errors_are_one_line(run, tmp_path, arguments, environment, gone, words):
    if gone:
        (tmp_path / gone).unlink()
    status, said, messages = run(*arguments, **environment)
    assert status == 2 and not said
    assert len(messages.splitlines()) == 1 and messages.startswith("test: error: ")
    assert all(word in messages for word in words)


@pytest.mark.parametrize("path", sorted(ROOT.glob("configs/lseg/*_eval.yaml")), ids=lambda path: path.stem)
def test_configs(path):
    settings = load(path, EvalSettings)
    assert settings.out.startswith("runs/") and settings.data
    assert settings.protocol is None or settings.protocol in PROTOCOLS
    if settings.data.startswith("configs/"):
        few_shot = load(ROOT / settings.data, FewShotSettings)
        assert few_shot.few_shot in FEW_SHOT and (few_shot.fold is None) == (few_shot.few_shot == "fss1000")
