"""`ms-ovs data`: unpack a data set, check every file of it, write the embedded benchmark."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Data sets: unpack, check, and the embedded benchmark.", no_args_is_help=True)

SHOWN = 20  # faults on the screen; the JSON lists all
MOST_WORKERS = 8  # by default; with more a disk is the limit


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="The data set: ade20k_150.")],
    source: Annotated[Path, typer.Option(help="The archive, as fetched from the authors' page.")],
    root: Annotated[
        Path, typer.Option(help="Folder to unpack into; the archive's own folder appears in it.")
    ],
    sha1: Annotated[
        str | None, typer.Option(help="Another sum than the authors', of a copy that was packed anew.")
    ] = None,
    check: Annotated[bool, typer.Option("--check/--no-check", help="Compare the archive's SHA-1.")] = True,
) -> None:
    """Check an archive, unpack it and count what is there; once interrupted, run it again and it goes on.

    Nothing is downloaded: fetch the archive yourself, its page tells the terms.
    """
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn

    from ms_ovs.data.prepare import datasets
    from ms_ovs.errors import choose

    archive = datasets.DATASETS[choose("data set", name, datasets.DATASETS)]
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with _bar(*columns) as bar:
        task = bar.add_task("starting", total=None)
        stages: list[str] = []

        def told(stage: str, done: int, total: int) -> None:
            if stages[-1:] != [stage]:  # the time left is that of the stage
                stages.append(stage)
                bar.reset(task, description=stage, total=total or None)
            bar.update(task, completed=done)

        done = datasets.prepare(name, archive, source, root, sha1=sha1, check=check, progress=told)
    pairs = ", ".join(f"{count} pairs for {split}" for split, count in done.counts.items())
    typer.echo(f"{name} is in {done.folder}: {pairs}")
    typer.echo(f"{done.files.written} files were written, {done.files.kept} were there")
    typer.echo(f"to read every file once: ms-ovs data check {name} --root {done.folder}")


@app.command()
def check(
    data: Annotated[
        str,
        typer.Argument(
            help="ade20k_150, shapes, pascal5i, coco20i, fss1000, or a YAML file of a data set.",
        ),
    ],
    root: Annotated[Path | None, typer.Option(help="Folder of a data set that is named.")] = None,
    split: Annotated[
        str | None, typer.Option(help="training, validation or test.", show_default="all there are")
    ] = None,
    splits: Annotated[Path | None, typer.Option(help="HSNet's split files, for few-shot sets.")] = None,
    fold: Annotated[int | None, typer.Option(help="0 to 3, for pascal5i and coco20i.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all counts to this file.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(help="Processes that read; 0 reads in this one.", show_default="one a core"),
    ] = None,
) -> None:
    """Read every file of a data set once: counts, sizes, classes, and all that is wrong.

    Leaves with status 1 when something is wrong with the files.
    """
    import json

    from rich.console import Console

    from ms_ovs.data import named
    from ms_ovs.data.check import check as read_all
    from ms_ovs.files import check_place, write_whole

    if json_file:
        check_place(json_file, "JSON file")
    workers = min(MOST_WORKERS, os.cpu_count() or 1) if workers is None else workers
    sources = named.sources(data, root=root, split=split, splits=splits, fold=fold)
    console, found = Console(), []
    for name, source in sources.items():
        with _counted_bar("pairs", name, len(source)) as told:
            found.append(read_all(name, source, workers=workers, progress=told))
        found[-1].print(console)
    if json_file:
        write_whole(json_file, json.dumps([census.summary() for census in found], indent=1) + "\n")
    faults = [fault for census in found for fault in census.counts.faults]
    for fault in faults[:SHOWN]:
        typer.echo(f"{fault.kind}: {fault.message}")
    if len(faults) > SHOWN:
        typer.echo(f"and {len(faults) - SHOWN} more: --json FILE lists all")
    if faults:
        typer.echo(f"{len(faults)} faults in {data}")
        raise typer.Exit(1)
    typer.echo(f"nothing is wrong with the files of {data}")


@app.command()
def shapes(
    root: Annotated[Path, typer.Option(help="Folder to write; other shapes in it are replaced.")],
    seed: Annotated[int, typer.Option(help="Where chance begins.")] = 0,
    train: Annotated[int, typer.Option(help="Labelled scenes for training.")] = 2000,
    val: Annotated[int, typer.Option(help="Labelled scenes for validation.")] = 200,
    captions: Annotated[int, typer.Option(help="Scenes with a sentence.")] = 8000,
    size: Annotated[int, typer.Option(help="Side of a scene in pixels.")] = 64,
) -> None:
    """Write the embedded benchmark: small scenes with words for every pixel, from a seed."""
    from ms_ovs.data.shapes import write

    with _counted_bar("scenes", str(root), train + val + captions) as told:
        written = write(root, seed=seed, train=train, val=val, captions=captions, size=size, progress=told)
    typer.echo(
        f"{train} scenes for training, {val} for validation and {captions} with captions, "
        f"of {size}×{size} pixels and {len(written.names)} classes ({len(written.unseen)} unseen), "
        f"are in {written.root}"
    )


def _bar(*columns):
    from rich.console import Console
    from rich.progress import Progress

    return Progress(*columns, console=Console(stderr=True), transient=True)


@contextmanager
def _counted_bar(unit: str, name: str, total: int) -> Iterator:
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
