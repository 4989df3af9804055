"""`ms-ovs predict`: segment photographs by words."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import options

TOP = 3  # classes in a line of the table


def _settings():
    from ms_ovs.config import PredictSettings

    return PredictSettings


def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photographs, or folders of them.")],
    labels: Annotated[
        str,
        typer.Option(
            help='Labels ("cat, grass|lawn, other"), a file with one a line, or a list as "voc_20".'
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for label maps, overlays and JSON.")],
    checkpoint: options.Checkpoint = None,
    templates: options.Templates = None,
    option: options.Option = None,
    class_weights: options.ClassWeights = None,
    device: options.Device = "CPU",
    fallback: options.Fallback = False,
    mode: options.Mode = "graph",
    whole: Annotated[
        bool, typer.Option("--whole", help="Fit the photo into one window: the fastest.")
    ] = False,
    long_side: Annotated[
        str | None,
        typer.Option(help='Long side in pixels, or "native"; windows slide over it.', show_default="520"),
    ] = None,
    merges: options.Merges = None,
    config: Annotated[Path | None, options.from_config(_settings)] = None,
) -> None:
    """Segment photographs by words; writes a label map, an overlay and a JSON file for each.

    Leaves with status 2 when a photo could not be read; the others are done nevertheless.
    """
    from rich.console import Console

    from convert.options import parse
    from ms_ovs import images
    from ms_ovs.vocab import labels as vocabularies

    console = Console(stderr=True)
    vocabulary = vocabularies.parse(labels)
    found = images.find_images(photos)
    good, bad = _readable(found)
    _check_folder(out, photos)
    checkpoint = options.checkpoint(checkpoint)
    settings = parse(option or [], "--option")

    with console.status("starting MindSpore …"):
        from ms_ovs.api import Segmenter

        segmenter = Segmenter(
            checkpoint,
            device=device,
            mode=mode,
            fallback=fallback,
            templates=templates,
            options=settings,
            class_weights=class_weights,
            merges=merges,
            whole=whole,
            long_side=long_side,
        )
        segmenter.check(vocabulary)
    _timed(console, "loading the model", "model loaded", segmenter.load)
    segmenter.encode(vocabulary)  # shows a bar of its own
    if mode == "graph" and segmenter.one_size:
        _timed(console, "compiling the graph (once)", "graph compiled", lambda: segmenter.compile(vocabulary))
    rows = _segment(console, segmenter, vocabulary, good, out, bad)
    if rows:
        Console().print(_table(rows, out))
    for error in bad:
        print(f"ms-ovs: error: {error}", file=console.file)
    if bad:
        raise typer.Exit(2)


def _readable(found: list[Path]) -> tuple[list[Path], list[Exception]]:
    """The photos whose headers can be read, and the errors of the others; raises if there are only those."""
    from ms_ovs.errors import UserError
    from ms_ovs.images import check_header

    good, bad = [], []
    for path in found:
        try:
            check_header(path)
            good.append(path)
        except UserError as error:
            bad.append(error)
    if not good:
        others = f" (and {len(bad) - 1} more photos that cannot be read)" if len(bad) > 1 else ""
        raise UserError(f"{bad[0]}{others}")
    return good, bad


def _check_folder(out: Path, photos: list[Path]) -> None:
    """See that files can be written into the folder `out`; it is made with the first of them."""
    from ms_ovs.errors import UserError
    from ms_ovs.files import check_place

    if any(path.is_dir() and path.resolve() == out.resolve() for path in photos):
        raise UserError(
            f"--out {str(out)!r} is a folder of photos: the next run would take its results for photos; "
            "name another folder"
        )
    check_place(out / "photo.json", "result")


def _timed(console, doing: str, done: str, work) -> None:
    import time

    start = time.perf_counter()
    with console.status(f"{doing} …"):
        work()
    console.print(f"{done} in {time.perf_counter() - start:.1f} s", style="dim", highlight=False)


def _segment(
    console, segmenter, vocabulary, photos: list[Path], out: Path, bad: list[Exception]
) -> list[tuple]:
    """Segment and save the photos; (photo, stem, best classes, seconds) of each that went well."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from ms_ovs.errors import UserError

    rows = []
    columns = (
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("", total=len(photos))
        for number, (photo, stem) in enumerate(zip(photos, unique_stems(photos), strict=True)):

            def windows(done: int, total: int, number: int = number) -> None:
                progress.update(task, completed=number + done / total)

            progress.update(task, completed=number, description=photo.name)
            try:
                result = segmenter(photo, vocabulary, progress=windows)
            except UserError as error:
                bad.append(error)
                continue
            result.save(out, stem)
            rows.append((photo, stem, result.top(TOP), result.record["seconds"]))
    return rows


def unique_stems(photos: list[Path]) -> list[str]:
    """A name for the results of each photo: its own without the suffix, numbered where another has it.

    Letter case does not tell names apart, since some file systems do not either.
    """
    taken = {photo.stem.lower() for photo in photos}
    used: set[str] = set()
    stems = []
    for photo in photos:
        stem, number = photo.stem, 2
        while stem.lower() in used or (stem != photo.stem and stem.lower() in taken):
            stem, number = f"{photo.stem}-{number}", number + 1
        used.add(stem.lower())
        stems.append(stem)
    return stems


def _table(rows: list[tuple], out: Path):
    from rich.table import Table
    from rich.text import Text

    from ms_ovs.viz import percent

    table = Table(title=Text(f"results in {out}"), title_justify="left")
    for header, justify in (("photo", "left"), ("classes", "left"), ("seconds", "right"), ("files", "left")):
        table.add_column(header, justify=justify, overflow="fold")
    for photo, stem, top, seconds in rows:
        classes = ", ".join(f"{name} {percent(share)}" for name, share in top)
        files = f"{stem}_labels.png {stem}_overlay.png {stem}.json"
        table.add_row(Text(photo.name), Text(classes), f"{seconds:.1f}", Text(files))
    return table
