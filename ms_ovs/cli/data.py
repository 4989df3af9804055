"""`ms-ovs data`: prepare a data set, check every file of it, write the embedded benchmark."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import data_show, options
from ms_ovs.cli.bars import counted_bar, staged_bar

app = typer.Typer(help="Data sets: prepare, check, show, and the embedded benchmark.", no_args_is_help=True)

app.command()(data_show.show)

SHOWN = 20  # faults on the screen; the JSON lists all


@app.command()
def prepare(
    name: Annotated[str, typer.Argument(help="The data set; an unknown name lists all.")],
    source: Annotated[
        list[Path],
        typer.Option(
            help="An archive as fetched from the authors' page, or a folder that holds them; several times."
        ),
    ],
    root: Annotated[Path, typer.Option(help="Folder of all data sets; the new one appears in it.")],
    split: Annotated[
        list[str] | None,
        typer.Option(help="Only this part: training, validation or test.", show_default="all"),
    ] = None,
    layout: Annotated[
        str | None,
        typer.Option(
            help="--source is a tree that another project prepared: detectron2, mmseg or lseg. It is checked "
            "and read where it is."
        ),
    ] = None,
    sha1: Annotated[
        str | None, typer.Option(help="Another sum than the authors', of a copy that was packed anew.")
    ] = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Hold sums and counts against the authors'.")
    ] = True,
    workers: options.Workers = None,
) -> None:
    """Check archives, unpack and convert them, and count what is there; once interrupted, run it again.

    Nothing is downloaded: fetch the archives yourself, their pages tell the terms. They stay as they are.
    """
    from ms_ovs.data import layouts, named
    from ms_ovs.data.prepare import datasets
    from ms_ovs.errors import UserError

    if layout:
        if len(source) != 1 or sha1 is not None:
            raise UserError("--layout reads one tree where it is: give one --source, and no --sha1")
        counts = named.describe(name, source[0], root, layout, split or layouts.SPLITS)
        typer.echo(f"{name} is in {source[0]}, as {root / name}.yaml says: {_pairs(counts)}")
    else:
        with staged_bar() as told:
            done = datasets.prepare(
                name,
                source,
                root,
                splits=split,
                sha1=sha1,
                check=check,
                workers=options.workers(workers),
                progress=told,
            )
        typer.echo(f"{name} is in {done.folder}: {_pairs(done.counts)}")
        typer.echo(f"{done.files.written} files were written, {done.files.kept} were there")
        if done.made != datasets.NONE or done.left_out:
            typer.echo(
                f"{done.made.written} label maps were made, {done.made.kept} were there, "
                f"{done.left_out} left out, since all their pixels are ignored"
            )
    only = f" --split {split[0]}" if split and len(split) == 1 else ""
    only += " --fold 0" if name in ("pascal5i", "coco20i") else ""
    typer.echo(f"to read every file once: ms-ovs data check {name} --root {root}{only}")


def _pairs(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} pairs for {split}" for split, count in counts.items())


@app.command()
def check(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set that was prepared, such as voc_20; shapes; or a YAML file of a data set.",
        ),
    ],
    root: options.Root = None,
    split: Annotated[
        str | None, typer.Option(help="training, validation or test.", show_default="all there are")
    ] = None,
    splits: options.Splits = None,
    fold: Annotated[int | None, typer.Option(help="0 to 3, for pascal5i and coco20i.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all counts to this file.")] = None,
    workers: options.Workers = None,
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
    sources = named.sources(data, root=root, split=split, splits=splits, fold=fold)
    console, found = Console(), []
    for name, source in sources.items():
        with counted_bar("pairs", name, len(source)) as told:
            found.append(read_all(name, source, workers=options.workers(workers), progress=told))
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

    with counted_bar("scenes", str(root), train + val + captions) as told:
        written = write(root, seed=seed, train=train, val=val, captions=captions, size=size, progress=told)
    typer.echo(
        f"{train} scenes for training, {val} for validation and {captions} with captions, "
        f"of {size}×{size} pixels and {len(written.names)} classes ({len(written.unseen)} unseen), "
        f"are in {written.root}"
    )
