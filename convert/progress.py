"""A progress bar on stderr, one line for each thing that is done."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TransferSpeedColumn

from convert.files import Progress as Listener


@contextmanager
def bar() -> Iterator[Listener]:
    """A listener for `convert_file` and `reverse_file`; it draws only on a terminal."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<9}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    tasks: dict[str, TaskID] = {}
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:

        def listen(what: str, count: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.advance(tasks[what], count)

        yield listen
