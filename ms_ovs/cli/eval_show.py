"""What `ms-ovs eval` shows: a bar while it scores, then the tables and what was left out."""

from collections.abc import Callable
from pathlib import Path

SHOWN = 20  # images that failed, on the screen; the JSON lists all


def with_bar(console, count: int, unit: str, score: Callable):
    """The result of `score(progress)`; the progress that it tells shows as a bar over `count` units."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.total} " + unit),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=count, done=0)

        def told(done: float, total: int, name: str) -> None:
            bar.update(task, completed=done, total=total, done=int(done), description=name)

        return score(told)


def finish(console, report, out: Path, unit: str) -> None:
    """Write and print a report, and name on stderr what failed."""
    from rich.console import Console

    report.save(out)
    report.print(Console())
    evaluation = report.evaluation
    for failure in evaluation.failures[:SHOWN]:
        print(f"ms-ovs: left out: {failure.name}: {failure.message}", file=console.file)
    if evaluation.failed:
        print(
            f"ms-ovs: {evaluation.failed} {unit} were left out; {out / 'scores.json'} lists them",
            file=console.file,
        )


def save_sheet(path: Path, samples: list, names, marked) -> None:
    """Write a contact sheet of some images with their truth and prediction."""
    import io

    from ms_ovs import viz
    from ms_ovs.files import write_whole

    data = io.BytesIO()
    viz.contact_sheet(samples, names, marked=marked).save(data, "png")
    write_whole(path, data.getvalue())
