"""`scripts/train_ascend.sh` and `scripts/launch.sh`: which commands they start, and their errors."""

import os
import shutil
import subprocess

import pytest

from tests.training.processes import BIN, ROOT, environment
from tests.training.runs import clip_config, few_shapes, saved  # noqa: F401


@pytest.fixture
def run(tmp_path):
    """Run the script in a checkout whose commands only say how they were called; (status, stdout, stderr)."""
    home = tmp_path / "checkout"
    (home / ".venv/bin").mkdir(parents=True)
    shutil.copytree(ROOT / "scripts", home / "scripts")
    for name in ("ms-ovs", "msrun"):
        command = home / ".venv/bin" / name
        command.write_text(f'#!/bin/sh\necho {name} "$@"\n')
        command.chmod(0o755)

    def run(*arguments, **settings):
        kept = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
        done = subprocess.run(
            ["bash", home / "scripts/train_ascend.sh", *arguments],
            cwd="/", env=kept | settings, capture_output=True, text=True, timeout=60,
        )  # fmt: skip
        return done.returncode, done.stdout, done.stderr

    return run


def test_one_device_is_one_process(run):
    assert run("a.yaml") == (0, "ms-ovs train a.yaml --set device=Ascend\n", "")
    assert run("a.yaml", "1", DEVICE="GPU") == (0, "ms-ovs train a.yaml --set device=GPU\n", "")


def test_options_follow_with_or_without_a_number(run):
    _, said, _ = run("a.yaml", "--resume", "--set", "steps=3", DEVICE="CPU")
    assert said == "ms-ovs train a.yaml --set device=CPU --resume --set steps=3\n"
    _, said, _ = run("a.yaml", "1", "--resume", DEVICE="CPU")
    assert said == "ms-ovs train a.yaml --set device=CPU --resume\n"


def test_several_devices_are_started_by_msrun(run, tmp_path):
    logs = str(tmp_path / "logs")
    status, said, _ = run("a.yaml", "8", "--resume", LOG_DIR=logs, PORT="9000")
    told, called = said.splitlines()
    assert status == 0 and logs in told and "8 processes" in told
    for option in ("worker_num=8", "local_worker_num=8", "master_port=9000", f"log_dir={logs}", "join=True"):
        assert f"--{option} " in called
    assert called.startswith("msrun ")
    assert called.endswith("ms-ovs train a.yaml --set device=Ascend --resume")
    assert (tmp_path / "logs").is_dir()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["no config given", "train_ascend.sh CONFIG"]),
        (["--resume"], ["no config given"]),
        (["a.yaml", "0"], ["NUM_DEVICES is '0'", "above 0"]),
        (["a.yaml", "two"], ["NUM_DEVICES is 'two'"]),
        (["a.yaml", "1.5"], ["NUM_DEVICES is '1.5'"]),
        (["a.yaml", ""], ["NUM_DEVICES is ''"]),
    ],
)
def test_errors_are_one_line(run, arguments, words):
    status, said, message = run(*arguments)
    assert status == 2 and not said
    assert len(message.splitlines()) == 1 and message.startswith("train_ascend: error: ")
    assert all(word in message for word in words), message


def test_nothing_installed_is_one_line(run, tmp_path):
    shutil.rmtree(tmp_path / "checkout/.venv")
    status, said, message = run("a.yaml", PATH="/usr/bin:/bin")
    assert (status, said) == (2, "") and len(message.splitlines()) == 1
    assert message.startswith("launch: error: ms-ovs is not installed: ")


def script(config, count, device, logs, port="8118"):
    """The real one."""
    done = subprocess.run(
        ["bash", ROOT / "scripts/train_ascend.sh", config, count],
        env=environment(DEVICE=device, LOG_DIR=str(logs), PORT=port), cwd="/", capture_output=True, text=True,
        timeout=300,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def config(few_shapes, tmp_path):  # noqa: F811
    """A config of one step."""
    values = clip_config(
        few_shapes, tmp_path / "run", steps=1, batch_size=2, validation=None, mode="pynative"
    )
    return saved(values, tmp_path / "clip.yaml")


@pytest.mark.skipif(not (ROOT / ".venv/bin/ms-ovs").exists(), reason="the script takes the checkout's .venv")
def test_a_step_on_the_cpu(config, tmp_path):
    status, said, message = script(config, "1", "CPU", tmp_path)
    assert status == 0 and "1 steps, results in" in said, message
    assert (tmp_path / "run/last.safetensors").is_file() and "Traceback" not in message


@pytest.mark.skipif(not (ROOT / ".venv/bin/ms-ovs").exists(), reason="the script takes the checkout's .venv")
def test_a_device_that_is_not_there(config, tmp_path):
    status, said, message = script(config, "1", "Ascend", tmp_path)
    errors = [line for line in message.splitlines() if "starting MindSpore" not in line]
    assert (status, said, len(errors)) == (2, "", 1), message
    assert "device 'Ascend' is not present on this machine" in errors[0]
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
@pytest.mark.skipif(not (ROOT / ".venv/bin/ms-ovs").exists(), reason="the script takes the checkout's .venv")
def test_a_step_of_two_processes(config, tmp_path):
    from tests.training.processes import free_port

    assert BIN.is_dir()
    status, said, message = script(config, "2", "CPU", tmp_path / "logs", str(free_port()))
    logs = {log.name: log.read_text() for log in (tmp_path / "logs").glob("worker_*.log")}
    assert status == 0 and len(logs) == 2, said + message + str(logs)
    assert (tmp_path / "run/last.safetensors").is_file()
    assert "1 steps, results in" in logs["worker_0.log"] and "results in" not in logs["worker_1.log"]
