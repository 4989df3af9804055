"""`ms-ovs eval` with a checkpoint on images and their label maps."""

from collections.abc import Callable
from pathlib import Path

from ms_ovs.cli.eval_data import Opened
from ms_ovs.cli.eval_show import finish, save_sheet, with_bar

PICTURES = "predictions.png"


def score(
    console,
    opened: Opened,
    out: Path,
    settings: dict,
    views_of: Callable,
    *,
    labels: str | None,
    unseen: str | None,
    pictures: int,
    save_predictions: Path | None,
    strict: bool,
) -> None:
    """Score the images; the main process prints and writes, each one saves its own label maps.

    `settings` are those of `ms_ovs.api.Segmenter`; `views_of` makes a `ViewProtocol`, by the name of the
    system's own where none was asked for.
    """
    from ms_ovs import viz
    from ms_ovs.evaluation.report import Report
    from ms_ovs.evaluation.saved import MapWriter, map_names

    vocabulary = _vocabulary(labels, opened)
    marked = groups(unseen, opened, vocabulary.names)
    writer = None
    if save_predictions:
        names = map_names(opened.data.images, opened.image_dir)
        writer = MapWriter(save_predictions, names, vocabulary.names)
    with console.status("starting MindSpore …"):
        from ms_ovs import distributed
        from ms_ovs.api import Segmenter, own_protocol

        views = views_of(own_protocol(settings["checkpoint"]))
        segmenter = Segmenter(**settings, scales=views.scales, flip=views.flip)
        segmenter.check(vocabulary)
        world = distributed.join()
    samples: list = []

    def keep(index, image, target, prediction) -> None:
        if len(samples) < pictures:
            samples.append(viz.Sample(image, target, prediction, opened.data.name(index)))
        if writer:
            writer.write(index, prediction)

    shares = {"rank": world.rank, "ranks": world.ranks, "strict": strict}
    evaluation = run(console, segmenter, vocabulary, opened, **shares, scored=keep).together(world)
    if not world.main:
        return
    if samples:
        save_sheet(out / PICTURES, samples, vocabulary.names, opened.unseen)
    said = origin(segmenter, vocabulary, views.name)
    if writer:
        left_out = {failure.index: failure.message for failure in evaluation.failures}
        writer.finish(said["checkpoint"], said["protocol"], left_out)
    finish(console, Report(evaluation, data=opened.name, **marked, **said), out, "images")


def run(console, segmenter, vocabulary, opened: Opened, **options):
    """The evaluation of this process's images; `options` go to `ms_ovs.evaluation.evaluate.evaluate`."""
    from ms_ovs.evaluation.evaluate import evaluate

    with console.status("loading the model …"):
        segmenter.load()
    segmenter.encode(vocabulary)  # shows a bar of its own
    with console.status("compiling the graph (once) …"):
        segmenter.compile(vocabulary)

    def predict(image, progress):
        return segmenter(image, vocabulary, progress=progress).label_map

    def scored(progress):
        return evaluate(predict, opened.data, vocabulary.names, progress=progress, **options)

    return with_bar(console, len(opened.data), "images", scored)


def groups(unseen: str | None, opened: Opened, names: tuple[str, ...]) -> dict:
    """Numbers of the classes that `--unseen` names, or of those that the data set knows as such."""
    from ms_ovs.errors import UserError, choose
    from ms_ovs.vocab import labels as vocabularies

    if unseen is None:
        return {"unseen": opened.unseen, "seen": opened.seen}
    numbers = tuple(names.index(choose("label", name, names)) for name in vocabularies.parse(unseen).names)
    if len(numbers) == len(names):
        raise UserError(f"--unseen names all {len(numbers)} labels: leave out those that training saw")
    return {"unseen": numbers, "seen": None}


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


def origin(segmenter, vocabulary, name: str) -> dict:
    """Checkpoint, protocol and details for the report; `name` is the protocol's."""
    details = segmenter.record(vocabulary, 1, 1)
    checkpoint, windows = details.pop("checkpoint"), details.pop("windows")
    batch, _ = windows.pop("batch"), windows.pop("calls")
    return {
        "checkpoint": checkpoint,
        "protocol": {"name": name, **windows},
        "details": {**details, "batch": batch},
    }
