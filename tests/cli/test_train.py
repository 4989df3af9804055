"""`ms-ovs train`: what a user does wrong is one line and status 2, before anything is computed."""

import subprocess
import time
from functools import partial

import pytest

from tests.training.processes import BIN, ROOT, environment
from tests.training.runs import clip_config, few_shapes, lseg_config, saved, tiny_clip  # noqa: F401


@pytest.fixture
def run(ms_ovs):
    """Run the command in this process; (status, stdout, stderr)."""
    return partial(ms_ovs, "train")


@pytest.fixture
def clip(few_shapes, tmp_path):  # noqa: F811
    """The path of a config of one step, which nothing validates."""
    values = clip_config(few_shapes, tmp_path / "run", steps=1, validation=None, mode="pynative")
    return saved(values, tmp_path / "clip.yaml")


def one_line(said):
    status, out, err = said
    errors = [line for line in err.splitlines() if "starting MindSpore" not in line]
    assert (status, out, len(errors)) == (2, "", 1), said
    assert errors[0].startswith("ms-ovs: error: ")
    return errors[0]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["optimizer.learning_rate=1"], ["unknown key 'learning_rate' in optimizer"]),
        (["stepz=1"], ["unknown key 'stepz'", "did you mean 'steps'"]),
        (["model.optoins.x=1"], ["unknown key 'optoins' in model", "did you mean 'options'"]),
        (["model.options.vision_widht=1"], ["vision_widht", "vision_width"]),
        (["task=clap"], ["unknown task 'clap'", "did you mean 'clip'"]),
        (["task=null"], ["unknown task", "lseg"]),
        (["steps"], ["setting 'steps': write key=value"]),
        (["steps=[1"], ["setting 'steps=[1'", "not YAML"]),
        (["steps=many"], ["setting 'steps=many': steps", "not 'many'"]),
        (["steps=0"], ["steps", "greater than 0"]),
        (["groups.3.lr_factor=2"], ["groups"]),
        (["device=Asend"], ["unknown device 'Asend'", "did you mean 'Ascend'"]),
        (["device=Ascend"], ["device 'Ascend' is not present on this machine"]),
        (["mode=eager"], ["mode", "'eager'"]),
        (["data.captions=none.jsonl"], ["none.jsonl", "no such file"]),
        (["model.variant=ViT-B/61"], ["ViT-B/61", "did you mean 'ViT-B/16'"]),
    ],
)  # fmt: skip
def test_slips_in_settings_are_one_line(run, clip, tmp_path, overrides, words):
    settings = [part for override in overrides for part in ("--set", override)]
    line = one_line(run(clip, *settings))
    assert all(word in line for word in words), line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, ["config", "cannot be read", "give the path of a YAML file"]),
        ("steps: 1\n", ["says no task: add one of", "clip"]),
        ("just words\n", ["holds no 'key: value' lines"]),
        ("task: [\n", ["is not YAML"]),
        ("task: clip\ninherit: away.yaml\n", ["away.yaml", "inherits", "cannot be read"]),
        ("task: clip\nsteps: 1\n", ["is missing: give a value"]),
    ],
)
def test_files_that_are_no_config_are_one_line(run, tmp_path, content, words):
    path = tmp_path / "config.yaml"
    if content:
        path.write_text(content)
    line = one_line(run(path))
    assert str(path) in line and all(word in line for word in words), line


def test_files_that_a_config_names_are_missed_by_name(run, few_shapes, tiny_clip, tmp_path):  # noqa: F811
    path = saved(lseg_config(few_shapes, tiny_clip, tmp_path / "run"), tmp_path / "lseg.yaml")
    for key in ("model.text", "data.train.root", "model.image"):
        line = one_line(run(path, "--set", f"{key}={tmp_path / 'nowhere'}"))
        assert "nowhere" in line, line
    assert "lseg.yaml" in one_line(run(path, "--set", "model.text=null"))
    assert not (tmp_path / "run").exists()


def test_arguments(run, clip):
    for arguments in ((), (clip, "--steps", "3"), (clip, "more")):
        status, out, err = run(*arguments)
        assert status == 2 and not out and "Traceback" not in err and err.startswith("ms-ovs: error: ")
        assert len(err.splitlines()) == 1


def test_a_training_from_the_command_line(run, clip, tmp_path):
    status, out, err = run(clip, "--set", f"out={tmp_path / 'here'}")
    assert status == 0 and f"1 steps, results in {tmp_path / 'here'}" in " ".join(out.split()), err
    assert (tmp_path / "here/last.safetensors").is_file() and not (tmp_path / "run").exists()
    again = one_line(run(clip, "--set", f"out={tmp_path / 'here'}"))
    assert "holds a training already (step_00000001): go on with --resume" in again


def test_fallback_takes_the_cpu(run, clip, tmp_path):
    status, _, err = run(clip, "--set", "device=Ascend", "--fallback")
    assert status == 0 and (tmp_path / "run/steps.csv").is_file(), err


def test_help_starts_no_mindspore():
    start = time.perf_counter()
    done = subprocess.run(
        [BIN / "ms-ovs", "train", "--help"],
        env=environment(), cwd=ROOT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0 and "--resume" in done.stdout and "--set" in done.stdout
    assert time.perf_counter() - start < 5  # with MindSpore it is more on any machine under load
    code = "import sys; import ms_ovs.cli.main; print('mindspore' in sys.modules)"
    loaded = subprocess.run(
        [BIN / "python", "-c", code], env=environment(), capture_output=True, text=True, timeout=60
    )
    assert loaded.stdout.strip() == "False", loaded.stderr
