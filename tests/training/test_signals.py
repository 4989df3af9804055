"""Trainings that are told to end, or killed: what they leave is whole, and they go on as if nothing was."""

import csv
import os
import signal
import subprocess
import time

import pytest

from ms_ovs import config
from ms_ovs.distributed import World
from ms_ovs.training import checkpoints, keeping, loop
from ms_ovs.training.loop import train
from ms_ovs.training.stopping import told_to_end
from ms_ovs.training.tasks import schema_of
from tests.training.processes import BIN, environment
from tests.training.runs import clip_config, few_shapes, saved  # noqa: F401

STEPS = 60


def rows(out):
    """The whole lines of the table of steps, which may be growing."""
    path = out / "steps.csv"
    return list(csv.DictReader(path.read_text().splitlines())) if path.is_file() else []


@pytest.fixture
def start(few_shapes, tmp_path):  # noqa: F811
    """Start `ms-ovs train` in a folder, perhaps to go on; all that was started is killed at the end."""
    children = []

    def start(name, *options):
        values = clip_config(
            few_shapes, tmp_path / name, steps=STEPS, batch_size=2, validation=None, log_every=1000,
            checkpoints={"every": 3, "keep": 2},
        )  # fmt: skip
        path = saved(values, tmp_path / f"{name}.yaml")
        child = subprocess.Popen(
            [BIN / "ms-ovs", "train", path, *options], env=environment(), cwd=tmp_path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        children.append(child)
        return child

    yield start
    for child in children:
        child.kill()
        child.communicate()


def wait(child, out, count):
    """Until the table has `count` steps more than there are."""
    least, end = len(rows(out)) + count, time.monotonic() + 120
    while len(rows(out)) < least:
        assert child.poll() is None, child.communicate()
        assert time.monotonic() < end, "no step in two minutes"
        time.sleep(0.02)


def whole(out):
    """The last checkpoint, every byte of which is what was written; its step."""
    saved = checkpoints.latest(out)
    for arrays in (saved.model, saved.state):
        assert all(array.size for array in arrays.values())
    return saved.step


@pytest.mark.slow
def test_ended_killed_and_resumed_it_is_the_same_training(start, tmp_path):
    child = start("whole")
    _, err = child.communicate(timeout=300)
    assert child.returncode == 0, err
    out = tmp_path / "parts"

    child = start("parts")
    wait(child, out, 4)
    child.send_signal(signal.SIGTERM)
    _, err = child.communicate(timeout=60)
    assert child.returncode == 130 and "Traceback" not in err, err
    ended = whole(out)
    assert 4 <= ended < STEPS and len(rows(out)) == ended  # the step it was at is done, logged and saved
    said = [line for line in err.splitlines() if line.startswith("ms-ovs: ")]
    assert said == [f"ms-ovs: told to end after step {ended}, which is saved: go on with --resume"]

    child = start("parts", "--resume")
    wait(child, out, 7)
    child.kill()
    child.communicate()
    killed = whole(out)
    # what was done after the last checkpoint is lost, and no more
    assert ended < killed <= len(rows(out)) < killed + 5 and len(rows(out)) < STEPS

    child = start("parts", "--resume")
    _, err = child.communicate(timeout=300)
    assert child.returncode == 0, err
    assert whole(out) == STEPS
    names = ("step", "epoch", "loss", "grad_norm", "lr")
    ours, theirs = (
        [[row[name] for name in names] for row in rows(folder)] for folder in (out, tmp_path / "whole")
    )
    assert len(ours) == STEPS and ours == theirs
    one, other = (checkpoints.latest(folder) for folder in (out, tmp_path / "whole"))
    for these, those in ((one.model, other.model), (one.state, other.state)):
        assert these.keys() == those.keys()
        assert all(these[name].tobytes() == those[name].tobytes() for name in these)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_behind_the_step(number, few_shapes, tmp_path, monkeypatch, pynative):  # noqa: F811
    values = clip_config(
        few_shapes, tmp_path / "run", mode="pynative", steps=5, batch_size=2, validation=None,
        schedule={"name": "constant"}, checkpoints={"every": 5},
    )  # fmt: skip
    settings = config.load(saved(values, tmp_path / "config.yaml"), schema_of)
    factor = loop.factor_at

    def signalled(schedule, step, **length):
        if step == 1:
            os.kill(os.getpid(), number)
        return factor(schedule, step, **length)

    before = [signal.getsignal(which) for which in (signal.SIGTERM, signal.SIGINT)]
    with monkeypatch.context() as patch:
        patch.setattr(loop, "factor_at", signalled)
        outcome = train(settings, World())
    assert (outcome.step, outcome.finished) == (2, False)
    assert [signal.getsignal(which) for which in (signal.SIGTERM, signal.SIGINT)] == before
    assert whole(tmp_path / "run") == 2 and (tmp_path / "run" / keeping.LAST).is_file()
    again = train(settings, World(), resume=True)
    assert (again.step, again.finished) == (5, True) and len(rows(tmp_path / "run")) == 5


def test_a_second_ctrl_c_ends_at_once():
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), told_to_end() as told:
        os.kill(os.getpid(), signal.SIGINT)
        assert told.yes
        os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_second_sigterm_changes_nothing():
    with told_to_end() as told:
        assert not told.yes
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.yes
