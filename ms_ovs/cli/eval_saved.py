"""`ms-ovs eval` with saved predictions: neither a checkpoint nor MindSpore is needed."""

from pathlib import Path

from ms_ovs.cli import eval_images
from ms_ovs.cli.eval_data import Opened, OpenedEpisodes, OpenedPanoptic
from ms_ovs.cli.eval_show import finish, with_bar


def score(
    console,
    opened: Opened | OpenedEpisodes | OpenedPanoptic,
    predictions: Path,
    out: Path,
    *,
    unseen: str | None,
    strict: bool,
) -> None:
    """Score what `predictions` holds, print and write. Raises `UserError` for what does not fit the data."""
    from ms_ovs.errors import UserError

    if isinstance(opened, OpenedEpisodes):
        raise UserError(
            "--predictions are of whole images, not of a few-shot set's episodes: give a checkpoint"
        )
    if isinstance(opened, OpenedPanoptic):
        if unseen is not None:
            raise UserError("--unseen does not go with panoptic maps: leave it out")
        report = _panoptic(console, opened, predictions, strict)
    else:
        report = _semantic(console, opened, predictions, unseen, strict)
    finish(console, report, out, "images")


def _semantic(console, opened: Opened, predictions: Path, unseen: str | None, strict: bool):
    from ms_ovs.evaluation.evaluate import evaluate
    from ms_ovs.evaluation.report import Report
    from ms_ovs.evaluation.saved import Rescored, SavedMaps, as_saved, map_names

    maps = SavedMaps(predictions, map_names(opened.data.images, opened.image_dir))
    maps.check_labels(opened.data.vocabulary.names)
    labels, pairs = tuple(maps.meta.labels), Rescored(opened.data, maps.read)
    groups = eval_images.groups(unseen, opened, labels)

    def scored(progress):
        return evaluate(as_saved, pairs, labels, strict=strict, progress=progress)

    return Report(
        with_bar(console, len(pairs), "images", scored),
        checkpoint=maps.meta.checkpoint,
        data=opened.name,
        protocol=maps.meta.protocol,
        **groups,
        details={"predictions": str(predictions)},
    )


def _panoptic(console, opened: OpenedPanoptic, predictions: Path, strict: bool):
    from ms_ovs.data.coco_panoptic import PanopticFiles, locate
    from ms_ovs.evaluation.panoptic import evaluate_panoptic
    from ms_ovs.evaluation.panoptic_report import PanopticReport
    from ms_ovs.evaluation.saved import NOT_TOLD, Rescored, as_saved

    data, files = opened.data, PanopticFiles.open(*locate(predictions))
    files.check_categories(data.table)
    files.check_images([data.image_id(index) for index in range(len(data))])
    pairs = Rescored(data, lambda index: files.read(data.image_id(index), data.table))

    def scored(progress):
        return evaluate_panoptic(
            as_saved, pairs, data.vocabulary.names, data.things, strict=strict, progress=progress
        )

    return PanopticReport(
        with_bar(console, len(pairs), "images", scored),
        checkpoint=files.told("checkpoint", {}),
        data=opened.name,
        protocol=files.told("protocol", NOT_TOLD),
        details={"predictions": str(files.path)},
    )
