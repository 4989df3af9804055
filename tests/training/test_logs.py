"""A run's logs: what is written, what goes when it is resumed, and who keeps silent."""

import csv
import io
import os
import struct

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

from ms_ovs.errors import UserError
from ms_ovs.training import logs
from ms_ovs.training.logs import STEPS, Board, Log


def events(folder):
    """[events of a file, …] of TensorBoard's files in a folder, in the order of their names."""
    from tensorboardX.proto.event_pb2 import Event

    found = []
    for path in sorted(folder.iterdir()):
        data, file = path.read_bytes(), []
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            file.append(Event.FromString(data[12 : 12 + length]))
            data = data[16 + length :]
        found.append(file)
    return found


def curves(folder):
    """{tag: {step: value}} as TensorBoard shows them: a file that starts anew hides later steps of others."""
    shown = {}
    for file in events(folder):
        for event in file:
            if event.HasField("session_log"):
                for points in shown.values():
                    for step in [step for step in points if step >= event.step]:
                        del points[step]
            for value in event.summary.value:
                shown.setdefault(value.tag, {})[event.step] = value
    return shown


def rows(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.fixture
def log(tmp_path):
    """Makes a log with a screen in memory."""

    def made(**options):
        screen = Console(file=io.StringIO(), width=120)
        return Log(tmp_path, **dict(total=6, every=1, console=screen) | options), screen.file

    return made


def run(log, steps, loss=1.0):
    for step in steps:
        log.step(step, images=4, epoch=0.5, loss=loss, grad_norm=2.0, lr=0.1, scale=1.0, skipped=0, unread=0)
        if step % 2 == 0:
            log.validation(step, miou=step / 10, seconds=None)


def test_all_that_is_logged(log, tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(logs.time, "monotonic", lambda: now[0])
    log, screen = log()
    picture = Image.fromarray(np.full((2, 3), 7, np.uint8))
    with log:
        assert os.listdir(tmp_path) == []  # a run that fails before its first step leaves no logs
        with log.compiling():
            now[0] += 100
        now[0] += 2
        run(log, [1, 2])
        log.picture(2, "predictions", picture)
        log.note("noted")
        now[0] += 0.5
        run(log, [3], loss=float("nan"))
    assert sorted(os.listdir(tmp_path)) == ["steps.csv", "tensorboard", "validation.csv"]
    steps = rows(tmp_path / "steps.csv")
    assert tuple(steps[0]) == STEPS
    assert list(steps[0].values()) == ["1", "0.5", "1", "2", "0.1", "2", "1", "0", "0"]
    assert (steps[1]["images_per_second"], steps[2]["images_per_second"]) == ("", "8")
    assert steps[2]["loss"] == "nan"
    assert rows(tmp_path / "validation.csv") == [{"step": "2", "miou": "0.2", "seconds": ""}]

    shown = curves(tmp_path / "tensorboard")
    assert {step: value.simple_value for step, value in shown["train/grad_norm"].items()} == {
        1: 2,
        2: 2,
        3: 2,
    }
    assert np.isnan(shown["train/loss"][3].simple_value)
    assert list(shown["train/images_per_second"]) == [1, 3]
    assert shown["validation/miou"][2].simple_value == np.float32(0.2) and "validation/seconds" not in shown
    coded = shown["predictions"][2].image
    assert (coded.width, coded.height) == (3, 2)
    np.testing.assert_array_equal(Image.open(io.BytesIO(coded.encoded_image_string)), np.full((2, 3, 3), 7))

    lines = screen.getvalue().splitlines()
    assert [line.split("  ")[0] for line in lines] == [
        "compiling the graph …",
        "step 1/6",
        "step 2/6",
        "validation after step 2",
        "noted",
        "step 3/6",
    ]
    assert lines[3] == "validation after step 2  miou 0.200"


def test_resumed_runs_take_back_later_steps(log, tmp_path):
    first, _ = log()
    with first:
        run(first, range(1, 6))
    second, screen = log()
    with second:
        second.resume(3)
        run(second, [4, 5, 6], loss=9.0)
    assert [(row["step"], row["loss"]) for row in rows(tmp_path / "steps.csv")] == [
        *[(str(step), "1") for step in (1, 2, 3)],
        *[(str(step), "9") for step in (4, 5, 6)],
    ]
    assert [row["step"] for row in rows(tmp_path / "validation.csv")] == ["2", "4", "6"]
    assert len(events(tmp_path / "tensorboard")) == 2
    shown = curves(tmp_path / "tensorboard")["train/loss"]
    assert [shown[step].simple_value for step in sorted(shown)] == [1, 1, 1, 9, 9, 9]
    assert list(shown) == [1, 2, 3, 4, 5, 6]


def test_a_validation_that_is_taken_back_goes_with_the_first_step(log, tmp_path):
    first, _ = log()
    with first:
        run(first, range(1, 5))
    second, _ = log()
    with second:
        second.resume(3)
        second.step(4, images=1)
        assert [row["step"] for row in rows(tmp_path / "validation.csv")] == ["2"]


def test_a_run_from_the_start_takes_back_all(log, tmp_path):
    for _ in range(2):
        again, _ = log()
        with again:
            run(again, [1, 2])
    assert [row["step"] for row in rows(tmp_path / "steps.csv")] == ["1", "2"]


def test_other_processes_are_silent(log, tmp_path):
    log, screen = log(main=False)
    with log:
        log.resume(1)
        with log.compiling():
            pass
        run(log, [2])
        log.picture(2, "a", Image.new("RGB", (1, 1)))
        log.note("a")
    log.close()
    assert os.listdir(tmp_path) == [] and screen.getvalue() == ""


def test_faults_of_the_caller_and_of_the_disk(log, tmp_path):
    log, _ = log()
    with log:
        with pytest.raises(ValueError, match="has no column 'los'"):
            log.step(1, images=1, los=1)
        log.validation(1, miou=1)
        with pytest.raises(ValueError, match="has no column 'iou'"):
            log.validation(1, iou=1)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="steps.csv|validation.csv cannot be written"):
        Log(tmp_path / "file", total=1).step(1, images=1)
    with pytest.raises(UserError, match="tfevents.* cannot be written"):
        Board(tmp_path / "file")


def test_the_board_is_on_disk_in_time(tmp_path, monkeypatch):
    """What was logged is seen, a killed process loses some seconds of it."""
    now = [1000.0]
    monkeypatch.setattr(logs.time, "time", lambda: now[0])
    board = Board(tmp_path)
    board.scalars(1, "train", {"loss": 1.0})
    assert "train/loss" not in curves(tmp_path)
    now[0] += logs.FLUSH_SECONDS + 1
    board.scalars(2, "train", {"loss": 1.0})
    assert list(curves(tmp_path)["train/loss"]) == [1, 2]
    board.close()
