"""Checkpoints are whole or absent, whatever happens while they are written."""

import errno
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.training import checkpoints

ROOT = Path(__file__).parents[2]
MODEL = {
    "a.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "scale": np.float16(2.5),
    "none": np.zeros((0, 4), np.float32),
    "turned": np.arange(6.0).reshape(2, 3).T,
}
STATE = {"moment": np.ones(3, np.float32), "step": np.array(7), "mask": np.array([True, False])}


def save(folder, step, **changes):
    given = dict(model=MODEL, metadata={"format": "ms_ovs"}, state=STATE, facts={"epoch": 2})
    return checkpoints.write(folder, step, **(given | changes))


def names(folder):
    """All files below a folder."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


def same(found, given):
    assert found.keys() == given.keys() and len(found) == len(given)
    for name in given:
        assert found[name].dtype == np.asarray(given[name]).dtype
        np.testing.assert_array_equal(found[name], given[name])


def test_what_is_written_is_read(tmp_path):
    facts = {"epoch": 2, "best": np.float32(0.5), "draws": np.arange(3), "lost": float("nan")}
    path = save(tmp_path, 100, facts=facts)
    assert path == tmp_path / "checkpoints" / "step_00000100" == checkpoints.latest(tmp_path).path
    assert names(path) == ["SHA256SUMS", "model.safetensors", "state.json", "state.safetensors"]
    saved = checkpoints.read(str(path))
    same(saved.model, MODEL)
    same(saved.state, STATE)
    assert saved.model.entries["a.weight"].shape == (2, 3)
    assert saved.step == 100 and saved.path == path and np.isnan(saved.facts.pop("lost"))
    assert saved.facts == {"epoch": 2, "best": 0.5, "draws": [0, 1, 2], "step": 100}
    subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=path, check=True)


def test_arrays_are_asked_for_one_by_one(tmp_path):
    """A mapping that makes its arrays never has two of them in memory because of us."""
    alive = []

    class Made(dict):
        def __getitem__(self, name):
            assert not [made for made in alive if made() is not None]
            array = np.full(1000, len(name), np.float32)
            alive.append(weakref.ref(array))
            return array

    path = save(tmp_path, 1, model=Made.fromkeys(["a", "bb", "ccc"]))
    assert checkpoints.read(path).model["ccc"].tolist() == [3.0] * 1000


def test_the_model_can_be_loaded(tmp_path):
    from ms_ovs import create_model
    from ms_ovs.models.checkpoint import fill, load_model
    from tests.tiny import TINY

    system, variant, options, _ = TINY["clip_vit"]
    model = create_model(system, variant=variant, seed=5, **options)
    arrays = {name: parameter.asnumpy() for name, parameter in model.parameters_and_names()}
    metadata = {"format": "ms_ovs", "system": system, "variant": variant, "options": json.dumps(options)}
    path = save(tmp_path, 1, model=arrays, metadata=metadata)
    checkpoints.export(path, tmp_path / "last.safetensors")
    loaded, found = load_model(tmp_path / "last.safetensors", system=system)
    assert found.sha256 == (tmp_path / "last.safetensors.sha256").read_text().split()[0]
    other = create_model(system, variant=variant, seed=6, **options)
    fill(other, checkpoints.read(path).model.entries, origin="test")
    for network in (loaded, other):
        same({name: p.asnumpy() for name, p in network.parameters_and_names()}, arrays)


def test_latest_passes_over_damage(tmp_path, caplog):
    assert checkpoints.latest(tmp_path) is None
    paths = [save(tmp_path, step) for step in (1, 20, 100_000_000, 99_999_999, 30)]
    assert checkpoints.latest(tmp_path).path == paths[2]
    damage = [
        (
            2,
            "model.safetensors",
            lambda p: p.write_bytes(p.read_bytes()[:-1] + b"x"),
            "is not what SHA256SUMS",
        ),
        (3, "state.safetensors", lambda p: p.unlink(), "state.safetensors cannot be read .No such file"),
        (4, "SHA256SUMS", lambda p: p.write_text("x\n"), "model.safetensors is not what SHA256SUMS"),
        (1, "SHA256SUMS", lambda p: p.write_bytes(b"\xff"), "model.safetensors is not what SHA256SUMS"),
        (0, "state.json", lambda p: p.write_text("{}"), "state.json is not what SHA256SUMS"),
    ]
    left = [3, 4, 1, 0, None]
    for (index, name, spoil, message), next_good in zip(damage, left, strict=True):
        spoil(paths[index] / name)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            found = checkpoints.latest(tmp_path)
        assert (found and found.path) == (None if next_good is None else paths[next_good])
        assert any(str(paths[index]) in line and re.search(message, line) for line in caplog.messages)
        with pytest.raises(UserError, match=rf"checkpoint .*{paths[index].name} cannot be used: .*{message}"):
            checkpoints.read(paths[index])


def test_a_folder_that_is_no_checkpoint(tmp_path):
    with pytest.raises(UserError, match="SHA256SUMS cannot be read .*give another one, such as RUN/checkp"):
        checkpoints.read(tmp_path)


def test_the_same_step_again_replaces(tmp_path):
    save(tmp_path, 5)
    path = save(tmp_path, 5, facts={"epoch": 9})
    assert checkpoints.read(path).facts["epoch"] == 9
    assert os.listdir(path.parent) == [path.name]


def test_prune_keeps_the_newest(tmp_path):
    for step in (10, 9, 100, 8):
        save(tmp_path, step)
    (tmp_path / "checkpoints" / "mine.txt").touch()
    checkpoints.prune(tmp_path, 2)
    assert sorted(os.listdir(tmp_path / "checkpoints")) == ["mine.txt", "step_00000010", "step_00000100"]
    checkpoints.prune(tmp_path, 5)
    assert len(os.listdir(tmp_path / "checkpoints")) == 3
    with pytest.raises(ValueError, match="at least one"):
        checkpoints.prune(tmp_path, 0)


def test_damaged_checkpoints_do_not_push_out_whole_ones(tmp_path):
    for step in (1, 2, 9):
        path = save(tmp_path, step)
    (path / "model.safetensors").write_bytes(b"")  # so that the run goes on from step 2
    for step, left in ((3, [3, 9]), (4, [4, 9]), (9, [9]), (10, [10])):
        checkpoints.prune(tmp_path, 1, newest=save(tmp_path, step))
        assert sorted(os.listdir(tmp_path / "checkpoints")) == [f"step_{n:08d}" for n in left]


def test_export_is_whole_and_has_a_sum(tmp_path):
    target = tmp_path / "new" / "best.safetensors"
    for step, model in enumerate((MODEL, STATE)):
        path = save(tmp_path, step, model=model)
        checkpoints.export(path, target)
        same(checkpoints.Arrays(target), model)
        subprocess.run(["sha256sum", "--check", "--quiet", f"{target}.sha256"], cwd=target.parent, check=True)
        (target.parent / ".best.safetensors.new").write_text("of a killed process")
    checkpoints.export(path, target)
    assert sorted(os.listdir(target.parent)) == ["best.safetensors", "best.safetensors.sha256"]
    shutil.rmtree(path)
    same(checkpoints.Arrays(target), STATE)


@pytest.mark.parametrize("links", [True, False])
def test_export_to_a_full_disk_leaves_the_old_one(tmp_path, monkeypatch, links):
    target = tmp_path / "best.safetensors"
    checkpoints.export(save(tmp_path, 1), target)
    before = {
        name: (tmp_path / name).read_bytes() for name in ("best.safetensors", "best.safetensors.sha256")
    }
    newer = save(tmp_path, 2, model=STATE)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    if not links:
        monkeypatch.setattr(os, "link", full)
    with pytest.raises(UserError, match=r"best.safetensors cannot be written \(No space left.*make room"):
        checkpoints.export(newer, target)
    assert {name: (tmp_path / name).read_bytes() for name in before} == before
    assert not (tmp_path / ".best.safetensors.new").exists()


@pytest.mark.parametrize("at", range(6))
def test_a_full_disk_leaves_what_was(tmp_path, monkeypatch, at):
    """The disk is full at the first, second, … thing that is brought to it: four files, two folders."""
    save(tmp_path, 1)
    before = names(tmp_path)
    real, calls = os.fsync, []

    def fsync(descriptor):
        calls.append(descriptor)
        if len(calls) == at + 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(UserError, match=r"step_00000002 cannot be written \(No space left on device\)"):
        save(tmp_path, 2)
    whole = [name for name in names(tmp_path) if name not in before]
    assert len(whole) == (4 if at == 5 else 0)  # renamed before the last: then it is whole
    assert not list((tmp_path / "checkpoints").glob(".*"))
    monkeypatch.undo()
    assert checkpoints.latest(tmp_path).path.name == ("step_00000002" if at == 5 else "step_00000001")


def test_values_that_cannot_be_kept_leave_nothing(tmp_path):
    with pytest.raises(TypeError, match="set is no JSON value"):
        save(tmp_path, 1, facts={"seen": {1}})
    with pytest.raises(ValueError, match="no checkpoint dtype"):
        save(tmp_path, 1, state={"z": np.zeros(2, complex)})
    assert names(tmp_path) == []


def child(code, folder, **options):
    """A process that runs `code`, with `checkpoints` and the folder as F."""
    start = (
        f"import os, sys, time, numpy as np\nfrom ms_ovs.training import checkpoints\nF = {str(folder)!r}\n"
    )
    return subprocess.Popen([sys.executable, "-c", start + code], cwd=ROOT, text=True, **options)


def test_a_limit_of_the_system_is_told(tmp_path):
    """Real writes that fail: no file of this process may exceed 100 kB."""
    save(tmp_path, 1)
    code = """
import resource
from ms_ovs.errors import UserError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
try:
    checkpoints.write(F, 2, model={"a": np.ones(50_000, np.float32)}, metadata={}, state={}, facts={})
except UserError as error:
    print(error)
"""
    process = child(code, tmp_path, stdout=subprocess.PIPE)
    said, _ = process.communicate(timeout=60)
    assert re.search(r"^checkpoint .*step_00000002 cannot be written \(File too large\): make room", said)
    assert os.listdir(tmp_path / "checkpoints") == ["step_00000001"]


@pytest.mark.parametrize(
    ("stop", "left"),
    [
        pytest.param("Arrays.__getitem__", "step_00000001", id="between two tensors"),
        pytest.param("os.fsync", "step_00000001", id="before a file is on disk"),
        pytest.param("checkpoints.sha256", "step_00000001", id="before the sums"),
        pytest.param("checkpoints.Path.rename", "step_00000001", id="before it gets its name"),
        pytest.param("checkpoints.shutil.rmtree", "step_00000002", id="while the old one is removed"),
    ],
)
def test_killed_in_the_midst(tmp_path, stop, left):
    """SIGKILL at a known moment of the writing."""
    save(tmp_path, 1)
    code = f"""
class Arrays(dict):
    def __getitem__(self, name):
        return np.full(100_000, ord(name), np.float32)
real, calls = {stop}, []
def stopping(*given, **options):
    calls.append(given)
    if len(calls) == {5 if "Arrays" in stop else 1}:
        print("now", flush=True)
        time.sleep(60)
    return real(*given, **options)
{stop} = stopping
arrays = Arrays.fromkeys("abc")
checkpoints.write(F, 2, model=arrays, metadata={{}}, state=arrays, facts={{}})
checkpoints.prune(F, 1)
"""
    kill_when_told(child(code, tmp_path, stdout=subprocess.PIPE))
    inside = os.listdir(tmp_path / "checkpoints")
    assert len(inside) == 2 and any(name.startswith(".") for name in inside)  # it was in the midst
    assert checkpoints.latest(tmp_path).path.name == left
    save(tmp_path, 3)
    assert sorted(os.listdir(tmp_path / "checkpoints")) == [left, "step_00000003"]


def kill_when_told(process, delay=0.0):
    """SIGKILL, `delay` seconds after the process said "now"."""
    try:
        assert process.stdout.readline() == "now\n"
        time.sleep(delay)
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("delay", [0.013, 0.031, 0.057, 0.089])
def test_killed_at_any_time(tmp_path, delay):
    """A process that writes without end, killed: what is there is whole."""
    code = """
arrays = {name: np.ones(100_000, np.float32) for name in "abc"}
print("now", flush=True)
for step in range(10_000):
    path = checkpoints.write(F, step, model=arrays, metadata={}, state=arrays, facts={"epoch": step})
    checkpoints.export(path, F + "/last.safetensors")
    checkpoints.prune(F, 2)
"""
    kill_when_told(child(code, tmp_path, stdout=subprocess.PIPE), delay)
    for path in (tmp_path / "checkpoints").glob("step_*"):
        assert checkpoints.read(path).facts["epoch"] == checkpoints.read(path).step
    if (tmp_path / "last.safetensors.sha256").exists():
        subprocess.run(["sha256sum", "-c", "--quiet", "last.safetensors.sha256"], cwd=tmp_path, check=True)
