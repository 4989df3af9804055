"""`ms-ovs eval`: score a checkpoint on a data set."""

from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import eval_episodes, eval_images, eval_saved, options
from ms_ovs.cli.eval_data import OpenedEpisodes, OpenedPanoptic, open_data

PROTOCOL = "lseg"
FEW_SHOT = "a few-shot set, which has its own words and view"
SAVED = "--predictions, which are made already"
# What only a network is asked for. A file of settings may have it nevertheless: it serves several runs.
NETWORKS = (
    "batch", "pictures", "templates", "option", "class_weights", "device", "fallback", "mode", "merges"
)  # fmt: skip


def _settings():
    from ms_ovs.cli.eval_settings import EvalSettings

    return EvalSettings


def evaluate(
    context: typer.Context,
    data: Annotated[
        str,
        typer.Option(
            help="A data set that was prepared, its YAML file, or the folder of ADE20K or the shapes."
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for scores.json and the confusion matrix.")],
    checkpoint: options.Checkpoint = None,
    predictions: Annotated[
        Path | None,
        typer.Option(
            help="Score saved predictions instead of a checkpoint: a folder that --save-predictions wrote, "
            "or panoptic maps in COCO's format."
        ),
    ] = None,
    save_predictions: Annotated[
        Path | None, typer.Option(help="New folder for the label map of every image.")
    ] = None,
    root: options.Root = None,
    split: Annotated[
        str | None,
        typer.Option(help="Part of a data set with a name.", show_default="validation, few-shot test"),
    ] = None,
    splits: options.Splits = None,
    labels: Annotated[
        str | None,
        typer.Option(
            help="Words for the classes, in the order of the ids: a file, a string, or a list.",
            show_default="those of the data set",
        ),
    ] = None,
    protocol: Annotated[
        str | None,
        typer.Option(
            help="Views of an image: lseg (6 scales, flip) or single.", show_default="that of the system"
        ),
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
    templates: options.Templates = None,
    option: options.Option = None,
    class_weights: options.ClassWeights = None,
    device: options.Device = "CPU",
    fallback: options.Fallback = False,
    mode: options.Mode = "graph",
    merges: options.Merges = None,
    config: Annotated[Path | None, options.from_config(_settings)] = None,
) -> None:
    """Score a checkpoint on a data set; prints tables, writes scores.json, the confusion matrix and pictures.

    With --predictions nothing is predicted: no checkpoint is needed, and there are no pictures. Images that
    cannot be read or scored are left out, counted and listed at the end. A few-shot set has a protocol of its
    own, and no confusion matrix. Started by msrun, the processes share the images.
    """
    from rich.console import Console

    from convert.options import parse
    from ms_ovs.errors import UserError
    from ms_ovs.files import check_place

    console = Console(stderr=True)
    if predictions:
        _refuse(SAVED, checkpoint=checkpoint, save_predictions=save_predictions)
        _refuse(SAVED, labels=labels, protocol=protocol, scales=scales, flip=flip)
        _refuse(SAVED, **{name: context.params[name] for name in NETWORKS if _typed(context, name)})
    network = {"options": parse(option or [], "--option"), "class_weights": class_weights}
    views_of = partial(_views, protocol, _scales(scales), flip)
    views_of(PROTOCOL)  # a slip is told before anything is read
    check_place(out / "scores.json", "result")
    opened = open_data(data, root=root, split=split, splits=splits, fold=fold)
    if predictions:
        eval_saved.score(console, opened, predictions, out, unseen=unseen, strict=strict)
        return
    if isinstance(opened, OpenedPanoptic):
        raise UserError(f"{data} holds panoptic maps, which no system here predicts yet: give --predictions")
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
        _refuse(FEW_SHOT, labels=labels, protocol=protocol, scales=scales, flip=flip, unseen=unseen)
        _refuse(FEW_SHOT, save_predictions=save_predictions, option=option, class_weights=class_weights)
        eval_episodes.score(console, opened, out, strict=strict, **settings)
        return
    eval_images.score(
        console,
        opened,
        out,
        settings | network,
        views_of,
        labels=labels,
        unseen=unseen,
        pictures=pictures,
        save_predictions=save_predictions,
        strict=strict,
    )


def _views(given: str | None, scales, flip: bool | None, own: str):
    """The views of the protocol that was given, or else of the system's `own`."""
    from ms_ovs.evaluation.evaluate import ViewProtocol

    return ViewProtocol.of(given or own, scales, flip)


def _refuse(why: str, **given) -> None:
    """Raise `UserError` for an option that has no meaning here."""
    from ms_ovs.errors import UserError

    for name, value in given.items():
        if value is not None:
            raise UserError(f"--{name.replace('_', '-')} does not go with {why}: leave it out")


def _typed(context: typer.Context, name: str) -> bool:
    """Whether an option stands on the command line."""
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


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
