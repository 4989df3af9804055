"""Progress bars on stderr; they vanish when the work is done."""

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def staged_bar() -> Iterator:
    """A bar that is told (stage, done, in all, unit), and begins anew with each stage."""
    from rich.filesize import decimal
    from rich.progress import BarColumn, TextColumn, TimeRemainingColumn

    from ms_ovs.data.prepare.archive import BYTES

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[amount]}"),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with _bar(*columns) as bar:
        task = bar.add_task("starting", total=None, amount="")
        stages: list[str] = []

        def told(stage: str, done: int, total: int, unit: str) -> None:
            if stages[-1:] != [stage]:  # the time left is that of the stage
                stages.append(stage)
                bar.reset(task, description=stage, total=total or None)
            amounts = [decimal(n) if unit == BYTES else f"{n} {unit}" for n in (done, total)]
            bar.update(task, completed=done, amount=" of ".join(amounts) if total else "")

        yield told


def _bar(*columns):
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def counted_bar(unit: str, name: str, total: int) -> Iterator:
    """A bar that is told (done, in all) of what `unit` names."""
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn(f"{{task.completed:.0f}}/{{task.total:.0f}} {unit}"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with _bar(*columns) as bar:
        task = bar.add_task(name, total=total)
        yield lambda done, _: bar.update(task, completed=done)
