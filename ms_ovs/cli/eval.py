"""`ms-ovs eval`: score a checkpoint on a data set."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import eval_episodes, options
from ms_ovs.cli.eval_data import Opened, OpenedEpisodes, open_data
from ms_ovs.cli.eval_show import finish, save_sheet, with_bar

PROTOCOL = "lseg"
PICTURES = "predictions.png"


def _settings():
    from ms_ovs.cli.eval_settings import EvalSettings

    return EvalSettings


def evaluate(
    data: Annotated[
        Path, typer.Option(help="YAML file of a data set, or the folder of ADE20K or of the shapes.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for scores.json and the confusion matrix.")],
    checkpoint: options.Checkpoint = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Words for the classes, in the order of the ids: a file, a string, or a list.",
            show_default="those of the data set",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Views of an image: lseg (6 scales, flip) or single.", show_default=PROTOCOL),
    ] = None,
    scales: Annotated[
        str | None, typer.Option(help='Other scales than the protocol\'s: "0.5,1.0".', show_default=False)
    ] = None,
    flip: Annotated[
        bool | None, typer.Option("--flip/--no-flip", help="Mirrored views, whatever the protocol.")
    ] = None,
    unseen: Annotated[
        str | None, typer.Option(help="Labels that training never saw, scored apart: as --labels.")
    ] = None,
    fold: Annotated[
        int | None, typer.Option(help="Fold of a few-shot set.", show_default="that of the file")
    ] = None,
    batch: Annotated[
        int, typer.Option(min=1, help="Windows, or episodes, that go through the network at a time.")
    ] = 1,
    pictures: Annotated[
        int, typer.Option(min=0, help="Images on predictions.png, with truth and prediction.")
    ] = 8,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first image that fails.")] = False,
    templates: options.Templates = "none",
    device: options.Device = "CPU",
    fallback: options.Fallback = False,
    mode: options.Mode = "graph",
    merges: options.Merges = None,
    config: Annotated[Path | None, options.from_config(_settings)] = None,
) -> None:
    """Score a checkpoint on a data set; prints tables, writes scores.json, the confusion matrix and pictures.

    Images that cannot be read or scored are left out, counted and listed at the end. A few-shot set has a
    protocol of its own, and no confusion matrix. Started by msrun, the processes share the images.
    """
    from rich.console import Console

    from ms_ovs.evaluation.evaluate import ViewProtocol
    from ms_ovs.files import check_place

    console = Console(stderr=True)
    views = ViewProtocol.of(protocol or PROTOCOL, _scales(scales), flip)
    check_place(out / "scores.json", "result")
    opened = open_data(data, fold)
    settings = {
        "checkpoint": options.checkpoint(checkpoint),
        "device": device,
        "mode": mode,
        "fallback": fallback,
        "templates": templates,
        "merges": merges,
        "batch": batch,
    }
    if isinstance(opened, OpenedEpisodes):
        _refuse(labels=labels, protocol=protocol, scales=scales, flip=flip, unseen=unseen)
        eval_episodes.score(console, opened, out, strict=strict, **settings)
        return
    vocabulary = _vocabulary(labels, opened)
    groups = {"unseen": opened.unseen, "seen": opened.seen}
    if unseen is not None:
        groups = {"unseen": _unseen(unseen, vocabulary), "seen": None}
    _score(console, opened, out, vocabulary, groups, views, pictures, strict, settings)


def _score(
    console, opened: Opened, out: Path, vocabulary, groups, views, pictures: int, strict: bool, settings
) -> None:
    """Score the images; the main process prints and writes."""
    from ms_ovs.evaluation.evaluate import evaluate as score
    from ms_ovs.evaluation.report import Report

    with console.status("starting MindSpore …"):
        from ms_ovs import distributed
        from ms_ovs.api import Segmenter

        segmenter = Segmenter(**settings, scales=views.scales, flip=views.flip)
        segmenter.check(vocabulary)
        world = distributed.join()
    with console.status("loading the model …"):
        segmenter.load()
    segmenter.encode(vocabulary)  # shows a bar of its own
    with console.status("compiling the graph (once) …"):
        segmenter.compile(vocabulary)

    def predict(image, progress):
        return segmenter(image, vocabulary, progress=progress).label_map

    samples: list = []

    def keep(sample) -> None:
        if len(samples) < pictures:
            samples.append(sample)

    def scored(progress):
        shares = {"rank": world.rank, "ranks": world.ranks, "strict": strict}
        return score(predict, opened.data, vocabulary.names, **shares, progress=progress, scored=keep)

    evaluation = with_bar(console, len(opened.data), "images", scored).together(world)
    if world.main:
        if samples:
            save_sheet(out / PICTURES, samples, vocabulary.names, opened.unseen)
        said = _origin(segmenter, vocabulary, views.name)
        report = Report(evaluation, data=opened.name, **groups, **said)
        finish(console, report, out, "images")


def _refuse(**given) -> None:
    """Raise `UserError` for an option that says something of windows or labels, where there are none."""
    from ms_ovs.errors import UserError

    for name, value in given.items():
        if value is not None:
            raise UserError(
                f"--{name} does not go with a few-shot set, which has its own words and view: leave it out"
            )


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


def _origin(segmenter, vocabulary, name: str) -> dict:
    """Checkpoint, protocol and details for the report; `name` is the protocol's."""
    details = segmenter.record(vocabulary, 1, 1)
    checkpoint, windows = details.pop("checkpoint"), details.pop("windows")
    batch, _ = windows.pop("batch"), windows.pop("calls")
    return {
        "checkpoint": checkpoint,
        "protocol": {"name": name, **windows},
        "details": {**details, "batch": batch},
    }


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
