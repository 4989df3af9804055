"""`ms-ovs eval`: score a checkpoint on a data set."""

from pathlib import Path
from typing import Annotated, Any, NamedTuple

import typer

SPLIT = "validation"
SHOWN = 20  # images that failed, on the screen; the JSON lists all


def evaluate(
    checkpoint: Annotated[Path, typer.Option(help="A checkpoint made by python -m convert, or trained.")],
    data: Annotated[
        Path, typer.Option(help="YAML file of a data set, or the folder of ADE20K or of the shapes.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for scores.json and the confusion matrix.")],
    labels: Annotated[
        str | None,
        typer.Option(
            help="Words for the classes, in the order of the ids: a file, a string, or a list.",
            show_default="those of the data set",
        ),
    ] = None,
    protocol: Annotated[
        str, typer.Option(help="Views of an image: lseg (6 scales, flip) or single.")
    ] = "lseg",
    scales: Annotated[
        str | None, typer.Option(help='Other scales than the protocol\'s: "0.5,1.0".', show_default=False)
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirrored views, whatever the protocol.")
    ] = None,
    unseen: Annotated[
        str | None, typer.Option(help="Labels that training never saw, scored apart: as --labels.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first image that fails.")] = False,
    templates: Annotated[str, typer.Option(help="Prompt templates by name, or a file.")] = "none",
    device: Annotated[str, typer.Option(help="CPU, GPU or Ascend.")] = "CPU",
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Take the CPU if there is no such device.")
    ] = False,
    mode: Annotated[str, typer.Option(help="graph or pynative.")] = "graph",
    merges: Annotated[Path | None, typer.Option(help="CLIP's vocabulary file, if not installed.")] = None,
) -> None:
    """Score a checkpoint on a data set; prints tables, writes scores.json, confusion.csv and confusion.png.

    Images that cannot be read or scored are left out, counted and listed at the end.
    """
    from rich.console import Console

    from ms_ovs.evaluation.evaluate import ViewProtocol
    from ms_ovs.evaluation.report import Report
    from ms_ovs.files import check_place

    console = Console(stderr=True)
    views = ViewProtocol.of(protocol, _scales(scales), flip)
    check_place(out / "scores.json", "result")
    opened = open_data(data)
    vocabulary = _vocabulary(labels, opened)
    groups = {"unseen": opened.unseen, "seen": opened.seen}
    if unseen is not None:
        groups = {"unseen": _unseen(unseen, vocabulary), "seen": None}

    with console.status("starting MindSpore …"):
        from ms_ovs.api import Segmenter

        segmenter = Segmenter(
            checkpoint,
            device=device,
            mode=mode,
            fallback=fallback,
            templates=templates,
            merges=merges,
            scales=views.scales,
            flip=views.flip,
        )
        segmenter.check(vocabulary)
    with console.status("loading the model …"):
        segmenter.load()
    segmenter.encode(vocabulary)  # shows a bar of its own
    with console.status("compiling the graph (once) …"):
        segmenter.compile(vocabulary)
    predict = _Predict(segmenter, vocabulary)
    evaluation = _with_bar(console, predict, opened.data, vocabulary.names, strict)
    report = Report(evaluation, data=opened.name, **groups, **predict.origin(views.name))
    report.save(out)
    report.print(Console())
    _print_failures(console, evaluation, out)


class Opened(NamedTuple):
    """A `FolderDataset`, what reports call it, and which classes training saw labelled, if known."""

    data: Any
    name: str
    unseen: tuple[int, ...] = ()
    seen: tuple[int, ...] | None = None


def open_data(place: Path) -> Opened:
    """The data set that `--data` names: by a file of `FolderSettings`, or the validation part of a folder."""
    from ms_ovs.config import load
    from ms_ovs.data import shapes
    from ms_ovs.data.folders import FolderDataset, FolderSettings, preset

    if not place.is_dir():
        return Opened(FolderDataset(load(place, FolderSettings)), str(place))
    name = "shapes" if (place / shapes.MARKER).exists() else "ade20k_150"
    opened = Opened(FolderDataset(preset(name, place, SPLIT)), f"{place} ({name}, {SPLIT})")
    if name != "shapes":
        return opened
    known = shapes.describe(place)
    return opened._replace(unseen=known.unseen, seen=known.seen)


def _vocabulary(labels: str | None, opened: Opened):
    """The words to score with: one class for each of the data set's."""
    from ms_ovs.errors import UserError
    from ms_ovs.vocab.labels import parse

    known = opened.data.vocabulary
    vocabulary = known if labels is None else parse(labels)
    if len(vocabulary) != len(known):
        raise UserError(
            f"--labels has {len(vocabulary)} classes, the data set {len(known)}: give one for each"
        )
    return vocabulary


class _Predict:
    """Label maps by a segmenter at one vocabulary, and what its last record says of their making."""

    def __init__(self, segmenter, vocabulary):
        self.segmenter, self.vocabulary = segmenter, vocabulary
        self.record: dict = {}

    def __call__(self, image, progress):
        result = self.segmenter(image, self.vocabulary, progress=progress)
        self.record = result.record
        return result.label_map

    def origin(self, name: str) -> dict:
        """Checkpoint, protocol and details for the report; `name` is the protocol's."""
        record = self.record
        windows = {key: value for key, value in record.get("windows", {}).items() if key != "calls"}
        details = {
            key: record[key] for key in ("templates", "synonyms", "versions", "device") if key in record
        }
        return {
            "checkpoint": record.get("checkpoint", {}),
            "protocol": {"name": name, **windows},
            "details": details,
        }


def _with_bar(console, predict, data, names, strict: bool):
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    from ms_ovs.evaluation.evaluate import evaluate as score

    columns = (
        BarColumn(),
        TextColumn("{task.fields[done]}/{task.total} images"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
        TextColumn("{task.description}", markup=False),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", total=len(data), done=0)

        def told(done: float, total: int, name: str) -> None:
            bar.update(task, completed=done, done=int(done), description=name)

        return score(predict, data, names, strict=strict, progress=told)


def _scales(text: str | None) -> tuple[float, ...] | None:
    """The scales of "0.5,1.0"; None stays None."""
    from ms_ovs.errors import UserError

    if text is None:
        return None
    try:
        scales = tuple(float(part) for part in text.split(","))
    except ValueError:
        scales = ()
    if not scales or not all(0 < scale < 100 for scale in scales):
        raise UserError(f"--scales {text!r}: give numbers above 0 with commas between, such as 0.5,1.0")
    return scales


def _unseen(text: str, vocabulary) -> tuple[int, ...]:
    """Numbers of the labels that `--unseen` names."""
    from ms_ovs.errors import UserError, choose
    from ms_ovs.vocab import labels as vocabularies

    names = vocabularies.parse(text).names
    numbers = tuple(vocabulary.names.index(choose("label", name, vocabulary.names)) for name in names)
    if len(numbers) == len(vocabulary):
        raise UserError(f"--unseen names all {len(numbers)} labels: leave out those that training saw")
    return numbers


def _print_failures(console, evaluation, out: Path) -> None:
    for failure in evaluation.failures[:SHOWN]:
        print(f"ms-ovs: left out: {failure.name}: {failure.message}", file=console.file)
    if evaluation.failed:
        print(
            f"ms-ovs: {evaluation.failed} images were left out; {out / 'scores.json'} lists them",
            file=console.file,
        )
