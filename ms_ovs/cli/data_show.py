"""`ms-ovs data show`: pictures of a data set."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import options
from ms_ovs.cli.bars import counted_bar


def show(
    data: Annotated[
        str,
        typer.Argument(
            help="A data set that was prepared, such as voc_20; shapes; or a YAML file of a data set.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the pictures.")],
    root: options.Root = None,
    split: Annotated[
        str | None, typer.Option(help="training or validation.", show_default="all there are")
    ] = None,
    count: Annotated[int, typer.Option(min=1, help="Images on the sheet.")] = 12,
    seed: Annotated[int, typer.Option(min=0, help="Where the chance begins that draws them.")] = 0,
    workers: options.Workers = None,
) -> None:
    """Draw some images under the colours of their classes, and bars of how often each class occurs.

    The bars count every label map. Without --split there are two pictures of each part of the data set.
    """
    from rich.console import Console

    from ms_ovs.data import named
    from ms_ovs.data.check import Episodes, check
    from ms_ovs.data.draws import draw
    from ms_ovs.errors import UserError
    from ms_ovs.files import check_place

    check_place(out / "any", "picture")
    sources = named.sources(data, root=root, split=split)
    for name, source in sources.items():
        if isinstance(source, Episodes):
            raise UserError(f"{name} holds episodes, not maps of classes: ms-ovs data check counts them")
    console = Console(stderr=True)
    for name, source in sources.items():
        place = out / (Path(data).stem if name == data else name.replace(" ", "_"))
        with console.status(f"{name}: drawing images …"):
            pictures = [_save(_sheet(draw(source, count, seed), source.names, name), f"{place}_images.png")]
        with counted_bar("pairs", name, len(source)) as told:
            census = check(name, source, workers=options.workers(workers), progress=told)
        pictures.append(_save(_bars(census), f"{place}_classes.png"))
        typer.echo(f"{name} is shown in {' and '.join(pictures)}")
        if faults := len(census.counts.faults):
            typer.echo(f"{faults} faults in {name}, which are in no picture: ms-ovs data check tells them")


def _sheet(drawn: list, names, title: str):
    from ms_ovs import viz

    samples = [viz.Sample(image, target, None, name) for image, target, name in drawn]
    return viz.contact_sheet(samples, names, columns=3, title=title)


def _bars(census):
    """The class histogram of a census. Its module loads Matplotlib, which no other command needs."""
    from ms_ovs.viz.histogram import class_histogram

    ids, counts = list(census.class_ids), census.counts
    absent = sum(counts.images[number] == 0 for number in ids)
    ignored = counts.ignored / max(counts.total, 1)
    return class_histogram(
        [census.names[number] for number in ids],
        counts.pixels[ids],
        counts.images[ids],
        title=census.name,
        remark=f"{counts.good} pairs, {len(ids)} classes ({absent} in no image), "
        f"{counts.total / 1e6:.3g} million pixels ({ignored:.1%} ignored)",
        numbers=ids,
    )


def _save(picture, path: str) -> str:
    import io

    from ms_ovs.files import write_whole

    data = io.BytesIO()
    picture.save(data, "png")
    write_whole(path, data.getvalue())
    return path
