"""Reading and preparing images, against the images that training takes on this machine."""

import tempfile
from contextlib import ExitStack
from pathlib import Path

from benchmarks import photos
from benchmarks.rounds import alternate
from benchmarks.rows import RATE, Goal, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import training

WORKERS = (0, 1, 2)
GOAL = Goal("ratio", 3.0, least=True)


def measure(setting: Setting) -> list[Row]:
    """One row a number of worker processes."""
    size, case = training.crop(setting), training.SMALL
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        photos.write(Path(folder), setting.pick(64, 8))
        readers = {
            _workers(workers): stack.enter_context(
                Side(setting, "loader:epochs", root=folder, workers=workers)
            )
            for workers in WORKERS
        }
        step = stack.enter_context(
            Side(setting, training.RIVALS.ours, variant=case.variant, size=size, batch=1)
        )
        step.sample("compile")
        turns = {name: reader.turn(calls=setting.pick(2, 1)) for name, reader in readers.items()}
        turns["step"] = step.turn(calls=setting.pick(2, 1))
        measured = alternate(turns, setting.pick(3, 1))
    what = f"JPEG of {photos.WIDTH}×{photos.HEIGHT} to a crop of {readers[_workers(0)].facts['crop']}"
    return [
        Row(
            what=f"{what}, {name}",
            ours=[reader.facts["images"] / taken for taken in measured.seconds(name)],
            other_name=f"training step of LSeg {case.name}, {size}×{size}, batch 1",
            other=[1 / taken for taken in measured.seconds("step")],
            unit=RATE,
            goal=GOAL,
            others=measured.others,
        )
        for name, reader in readers.items()
    ]


def _workers(count: int) -> str:
    return "1 worker process" if count == 1 else f"{count} worker processes"
