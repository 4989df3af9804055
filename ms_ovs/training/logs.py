"""What a run tells while it runs: tables (CSV), TensorBoard, and a bar or lines on the screen.

All are flushed as they go, and a run that is resumed takes back what was told of later steps.
"""

import io
import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from PIL import Image
from rich.console import Console

from ms_ovs.training.bar import Bar, short
from ms_ovs.training.tables import Number, Table, cut, writing

STEPS = ("step", "epoch", "loss", "grad_norm", "lr", "images_per_second", "scale", "skipped", "unread")
SCORES = "validation.csv"
FLUSH_SECONDS = 10.0  # of TensorBoard's file; the tables are flushed at each row


class Board:
    """Scalars and pictures for TensorBoard, in a file of their own for each start of a run."""

    def __init__(self, folder: str | Path, *, start: int = 0):
        """TensorBoard will hide what earlier files in the folder say of steps beyond `start`."""
        # not its SummaryWriter: when the thread of that dies of a full disk, the next call waits for ever
        from tensorboardX import RecordWriter
        from tensorboardX.proto import event_pb2, summary_pb2

        self._event, self._summary = event_pb2.Event, summary_pb2.Summary
        self.path = Path(folder) / f"events.out.tfevents.{time.time():.6f}.{os.getpid()}"
        with writing(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._writer = RecordWriter(str(self.path))
        self._flushed = -math.inf
        self._write(start + 1, file_version="brain.Event:2")
        began = event_pb2.SessionLog(status=event_pb2.SessionLog.START)
        self._write(start + 1, session_log=began)

    def scalars(self, step: int, group: str, values: Mapping[str, Number]) -> None:
        """Add a point to each curve `group`/name; None is left out, NaN is shown as such."""
        points = [
            self._summary.Value(tag=f"{group}/{name}", simple_value=float(value))
            for name, value in values.items()
            if value is not None
        ]
        self._write(step, summary=self._summary(value=points))

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """Show a picture under `name`."""
        data = io.BytesIO()
        image.convert("RGB").save(data, "PNG")
        coded = self._summary.Image(
            height=image.height, width=image.width, colorspace=3, encoded_image_string=data.getvalue()
        )
        self._write(step, summary=self._summary(value=[self._summary.Value(tag=name, image=coded)]))

    def close(self) -> None:
        """Bring all to disk and close the file."""
        with writing(self.path):
            self._writer.close()

    def _write(self, step: int, **content: Any) -> None:
        now = time.time()
        event = self._event(wall_time=now, step=step, **content)
        with writing(self.path):
            self._writer.write(event.SerializeToString())
            if now - self._flushed > FLUSH_SECONDS:
                self._writer.flush()
                self._flushed = now


class Log:
    """steps.csv, validation.csv, tensorboard/ in the folder of a run, and the screen; a context.

    Files are opened when there is something to log: what the folder says of steps beyond those that the run
    has done (0, or what `resume` said) goes then. Methods raise `UserError` where a file cannot be written.
    """

    def __init__(
        self,
        folder: str | Path,
        *,
        total: int,
        every: int = 20,
        main: bool = True,
        console: Console | None = None,
    ):
        """For a run up to step `total`. Where there is no terminal, a line appears every `every` steps.

        The log of a process that is not the `main` one does nothing. `console`: standard error if not given.
        """
        self._folder, self._total, self._every, self._main = Path(folder), total, every, main
        self._console = console or Console(stderr=True)
        self._stack = ExitStack()
        self._start = 0
        self._scores: Table | None = None
        self._mark: float | None = None  # when the present step began

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def resume(self, step: int) -> None:
        """Say, before all else, that the run has done `step` steps."""
        self._start = step

    @contextmanager
    def compiling(self) -> Iterator[None]:
        """A block in which the graph is compiled."""
        if self._main:
            self._bar.doing("compiling the graph …")
        yield
        self._begin()

    def step(self, step: int, *, images: int, **scalars: Number) -> None:
        """Log a training step of `images` images, and what else `STEPS` names; NaN is a value like others.

        The time of a step is that since the call before, whatever it was; the first has none.
        """
        if not self._main:
            return
        seconds = None if self._mark is None else time.monotonic() - self._mark
        scalars["images_per_second"] = speed = images / seconds if seconds else None
        self._steps.append(step, **scalars)
        self._board.scalars(step, "train", scalars)
        self._bar.step(step, loss=scalars.get("loss"), lr=scalars.get("lr"), speed=speed)
        self._begin()

    def validation(self, step: int, **scores: Number) -> None:
        """Log scores after `step`; the first call of a run decides on their names."""
        if not self._main:
            return
        if self._scores is None:
            self._scores = Table(self._folder / SCORES, ("step", *scores), after_step=self._start)
            self._stack.callback(self._scores.close)
        self._scores.append(step, **scores)
        self._board.scalars(step, "validation", scores)
        told = "  ".join(f"{name} {short(score)}" for name, score in scores.items() if score is not None)
        self.note(f"validation after step {step}  {told}")

    def picture(self, step: int, name: str, image: Image.Image) -> None:
        """Show a picture in TensorBoard."""
        if self._main:
            self._board.picture(step, name, image)
        self._begin()

    def note(self, text: str) -> None:
        """Print a line."""
        if self._main:
            self._bar.note(text)
        self._begin()

    def close(self) -> None:
        """Close all files and leave the bar as it is; a second time does nothing."""
        self._stack.close()

    def _begin(self) -> None:
        self._mark = time.monotonic()

    @cached_property
    def _steps(self) -> Table:
        with writing(self._folder / SCORES):
            cut(self._folder / SCORES, self._start)
        table = Table(self._folder / "steps.csv", STEPS, after_step=self._start)
        self._stack.callback(table.close)
        return table

    @cached_property
    def _board(self) -> Board:
        board = Board(self._folder / "tensorboard", start=self._start)
        self._stack.callback(board.close)
        return board

    @cached_property
    def _bar(self) -> Bar:
        bar = Bar(self._console, self._total, start=self._start, every=self._every)
        self._stack.callback(bar.close)
        return bar
