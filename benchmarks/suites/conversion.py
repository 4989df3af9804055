"""`python -m convert` on LSeg's largest checkpoint, there and back, beside copying the file."""

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path

from benchmarks import command
from benchmarks.rounds import Rounds, alternate
from benchmarks.rows import BYTES, Goal, Row, quantity
from benchmarks.samples import Sample, Watch
from benchmarks.setting import Setting
from benchmarks.side import Side

CASE = Path(__file__).parents[2] / "tests/reference/lseg/vitl16_384"
VARIANT = "clip_vitl16_384"
GOAL = Goal("ours", 1e9)


def measure(setting: Setting) -> list[Row]:
    """Seconds and peak memory of both directions."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, target, back = folder / "lseg.ckpt", folder / "lseg.safetensors", folder / "back.ckpt"
        with Side(setting, "checkpoint:source", case=str(CASE), path=str(source)) as writer:
            writer.sample()
        size = quantity(source.stat().st_size, BYTES)
        turns = {
            "copy": lambda: _copy(source, folder / "copy.ckpt"),
            "there": lambda: _convert(str(source), str(target), "--system", "lseg", "--variant", VARIANT),
            "back": lambda: _convert("--reverse", str(target), str(back)),
        }
        alternate(turns, 1)  # does not count: the checkpoint has just been written
        measured = alternate(turns, setting.pick(5, 1))
    return [
        *_rows(f"convert LSeg ViT-L/16 ({size})", measured, "there"),
        *_rows("the same, `--reverse`", measured, "back"),
    ]


def _rows(what: str, measured: Rounds, turn: str) -> list[Row]:
    return [
        Row(
            what=what,
            ours=measured.seconds(turn),
            other_name="plain copy of the file, to disk",
            other=measured.seconds("copy"),
            others=measured.others,
        ),
        Row(what=f"{what}: peak memory", ours=measured.peak_memory(turn), unit=BYTES, goal=GOAL),
    ]


def _convert(*arguments: str) -> Sample:
    return command.run([sys.executable, "-m", "convert", *arguments])


def _copy(source: Path, target: Path) -> Sample:
    """A copy that is on the disk when it ends, as a conversion's result is."""
    watch, own = Watch(), time.process_time()
    with source.open("rb") as read, target.open("wb") as written:
        shutil.copyfileobj(read, written, 1 << 22)
        os.fsync(written.fileno())
    sample = watch.sample(own=time.process_time() - own)
    target.unlink()
    return sample
