"""How far a run is, on the screen."""

import time
from collections import deque
from datetime import timedelta
from statistics import median

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn
from rich.table import Column
from rich.text import Text

from ms_ovs.training.tables import Number

SPEEDS = 25  # steps whose median speed is shown


class Bar:
    """How far a run is: a bar on a terminal, else a line at the first, the last and every `every` steps."""

    def __init__(self, console: Console, total_steps: int, *, start: int = 0, every: int = 50):
        """A run that has done `start` of `total_steps`."""
        self.total, self.every = total_steps, every
        self._console = console
        self._first: tuple[int, float] | None = None  # a step, and when it ended: what came before was slower
        self._line: int | None = None  # the step of the last line
        self._speeds: deque[float] = deque(maxlen=SPEEDS)
        column = TextColumn("{task.description}", markup=False, table_column=Column(no_wrap=True, ratio=1))
        self._progress = Progress(BarColumn(20), column, console=console, disable=not console.is_terminal)
        self._task = self._progress.add_task("", total=total_steps, completed=start)
        self._progress.start()

    def step(self, step: int, *, loss: Number = None, lr: Number = None, speed: Number = None) -> None:
        """Tell that `step` is done, of its loss, learning rate and images per second."""
        parts = [f"step {step}/{self.total}"]
        parts += [] if loss is None else [f"loss {short(loss)}"]
        parts += [] if lr is None else [f"lr {lr:.1e}"]
        self._speeds += [] if speed is None else [speed]
        if self._speeds:
            speed = median(self._speeds)  # of which a step that waited for a checkpoint is no part
            parts += [f"{speed:.{0 if speed >= 10 else 1}f} images/s"]
        text = "  ".join([*parts, f"left {self._left(step)}"])
        self._progress.update(self._task, completed=step, description=text)
        due = self._line is None or step - self._line >= self.every or step == self.total
        if due and not self._console.is_terminal:
            self._print(text)
            self._line = step

    def doing(self, text: str) -> None:
        """Show what takes long ("compiling the graph …") until the next step is done."""
        self._progress.update(self._task, description=text)
        if not self._console.is_terminal:
            self._print(text)

    def note(self, text: str) -> None:
        """Print a line that stays."""
        self._print(text)

    def close(self) -> None:
        """Leave the bar as it is."""
        self._progress.stop()

    def _print(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)

    def _left(self, step: int) -> str:
        """Hours, minutes and seconds until the last step, validations and all, if it goes on like this."""
        now = time.monotonic()
        first, began = self._first = self._first or (step, now)
        if step <= first:
            return "-:--:--"
        return str(timedelta(seconds=round((now - began) / (step - first) * (self.total - step))))


def short(value: float) -> str:
    """A number in a few characters; NaN and infinity by their names."""
    return f"{value:.3f}" if not 0 < abs(value) < 0.01 and abs(value) < 1e4 else f"{value:.3e}"
