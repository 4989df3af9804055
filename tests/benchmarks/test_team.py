"""Processes that work at the same time, with a probe that needs no MindSpore; with msrun in the slow test."""

import os
from pathlib import Path

import pytest

from benchmarks.team import Team
from ms_ovs.data import shapes
from ms_ovs.errors import UserError

PROBE = "checkpoint:source"


def processes(team):
    return team._started


@pytest.mark.parametrize("count", [1, 2])
def test_all_do_an_action_each_on_its_own_core(reference, tmp_path, count):
    with Team(PROBE, count, joined=False, case=str(reference), path=str(tmp_path / "x")) as team:
        sample = team.sample(calls=3, warm=1)
        cores = [os.sched_getaffinity(process.pid) for process in processes(team)]
        started = list(processes(team))
    assert len(sample.seconds) == 3
    assert sample.elapsed >= sum(sample.seconds) > 0
    assert sample.peak_memory > count * 1e6
    assert all(len(own) == 1 for own in cores) and len(set.union(*cores)) == count
    assert [process.returncode for process in started] == [0] * count


def test_what_ends_a_process_is_told_in_one_line(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint:source ended: .*no case\.json"):
        Team(PROBE, 2, joined=False, case=str(tmp_path), path="x")


def test_an_unknown_action_ends_it(reference, tmp_path):
    with (
        pytest.raises(UserError, match="KeyError"),
        Team(PROBE, 1, joined=False, case=str(reference), path=str(tmp_path / "x")) as team,
    ):
        team.sample("dance")


def test_more_processes_than_cores_are_refused(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(UserError, match="2 processes on a core each: this system offers 1"):
        Team(PROBE, 2, joined=False)


@pytest.mark.slow
def test_processes_of_msrun_train_together(tmp_path):
    root = shapes.write(tmp_path / "shapes", train=48, val=0, captions=0).root
    with Team("training:tiny", 2, joined=True, root=str(root)) as team:
        sample = team.sample(calls=2)
        workers = [path.name for path in Path(team._folder.name).glob("*.log")]
        launcher = processes(team)[0]
    assert team.facts == {"images": 16} and len(sample.seconds) == 2
    assert {"scheduler.log", "worker_0.log", "worker_1.log"} <= set(workers)
    assert launcher.returncode == 0
