"""A side's process, with the one probe that needs neither MindSpore nor torch; and commands."""

import resource
import subprocess
import sys
import time

import pytest

from benchmarks import command, worker
from benchmarks.setting import Setting
from benchmarks.side import SETTLING, Side
from ms_ovs.errors import UserError

SETTING = Setting(threads=1, quick=True)


def test_a_side_writes_a_checkpoint_and_reports(reference, tmp_path):
    target = tmp_path / "weights.pt"
    with Side(SETTING, "checkpoint:source", case=str(reference), path=str(target)) as side:
        sample = side.sample(calls=2, warm=1)
    assert len(sample.seconds) == 2
    assert sample.elapsed >= sum(sample.seconds) > 0
    assert sample.peak_memory > 1e6
    assert target.stat().st_size > 1e6


def test_the_first_turn_settles_and_no_other(reference, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(Side, "sample", lambda self, action, *, calls, warm: asked.append(warm))
    with Side(SETTING, "checkpoint:source", case=str(reference), path=str(tmp_path / "weights.pt")) as side:
        warm, cold = side.turn(), side.turn(warm=0)
        for turn in (warm, warm, cold, cold):
            turn()
    assert asked == [SETTLING, 1, 0, 0]


def test_a_probe_that_fails_is_one_line(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint:source ended with status 1: .*no case\.json"):
        Side(SETTING, "checkpoint:source", case=str(tmp_path), path="x")


def test_an_unknown_action_ends_the_side(reference, tmp_path):
    with (
        pytest.raises(UserError, match="KeyError"),
        Side(SETTING, "checkpoint:source", case=str(reference), path=str(tmp_path / "x")) as side,
    ):
        side.sample("dance")


def test_core_seconds_are_those_of_children_too():
    before, own = worker.core_seconds(), time.process_time()
    burn = "import time\nwhile time.process_time() < 0.3: pass\nprint(flush=True)\ninput()"
    with subprocess.Popen(
        [sys.executable, "-c", burn], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        child.stdout.readline()
        taken = worker.core_seconds() - before - (time.process_time() - own)
        child.communicate(b"\n")
    assert 0.25 < taken < 5


def test_a_command_reports_its_seconds_and_memory():
    sample = command.run([sys.executable, "-c", "import time; x = b'1' * 300_000_000; time.sleep(0.05)"])
    assert 0.05 < sample.seconds[0] < 20
    # between fork and exec a child counts the pages of its parent, here the tests'
    tests = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    assert 3e8 < sample.peak_memory < max(5e8, 1.1 * tests)


def test_a_command_that_fails_is_one_line():
    with pytest.raises(UserError, match="status 3: the reason"):
        command.run([sys.executable, "-c", "import sys; print('the reason', file=sys.stderr); sys.exit(3)"])
