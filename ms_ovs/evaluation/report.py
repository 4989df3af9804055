"""Scores with what they are scores of: on the screen, as JSON, and the confusion matrix as CSV and PNG.

No score is shown without the hash of the checkpoint, the data with its counts, and the protocol.
"""

import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ms_ovs.errors import UserError
from ms_ovs.evaluation import confusion
from ms_ovs.evaluation.evaluate import Evaluation
from ms_ovs.evaluation.semantic import SeenUnseen
from ms_ovs.files import write_whole

SHORT = 12  # digits of the hash on the screen; the JSON has all
ABSENT = "–"
WORDS = ("name", "kind", "group", "set")  # headers of columns that hold words


@dataclass(frozen=True)
class Report:
    """An evaluation and where it comes from.

    - `checkpoint`: sha256, and what else is known of it, such as system and variant;
    - `data`: the name of the data set; its counts are in the evaluation;
    - `protocol`: name, scales, flip, and sizes of image and window;
    - `unseen`: numbers of the classes that had no labels in training, if any; `seen`: those to compare them
      with, all others if None;
    - `details`: what else the JSON should say: versions, device, templates.

    Raises `UserError` where not one image was scored: there is nothing to report then.
    """

    evaluation: Evaluation
    checkpoint: Mapping[str, Any]
    data: str
    protocol: Mapping[str, Any]
    unseen: tuple[int, ...] = ()
    seen: tuple[int, ...] | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_scored(self.evaluation, self.data)

    @property
    def seen_unseen(self) -> SeenUnseen | None:
        """mIoU of seen and unseen classes, where some are unseen."""
        return self.evaluation.scores.seen_unseen(self.unseen, self.seen) if self.unseen else None

    @property
    def provenance(self) -> str:
        """Checkpoint, data and protocol in three lines."""
        scores, done = self.evaluation.scores, self.evaluation.images
        total = scores.labelled + scores.ignored
        return origin(
            self.checkpoint,
            f"{self.data}: {done} of {done + self.evaluation.failed} images, {total} pixels, "
            f"{scores.labelled / max(total, 1):.2%} of them labelled",
            self.protocol,
        )

    def print(self, console: Console) -> None:
        """Show where the scores come from, those of the classes, and those of the whole."""
        console.print(Text(self.provenance), soft_wrap=True)
        console.print(self.class_table())
        console.print(self.score_table())

    def score_table(self) -> Table:
        """The scores of the whole in percent, each with its rule."""
        scores = self.evaluation.scores
        present, total = int(scores.present.sum()), len(scores.labels)
        there = int((scores.target > 0).sum())
        rows = [
            ("mIoU", scores.miou, f"mean over all {total} classes, absent ones count 0 (LSeg's rule)"),
            (
                "mIoU, present",
                scores.miou_present,
                f"mean over the {present} classes met in truth or prediction",
            ),
            (
                "mIoU, truth",
                scores.miou_truth,
                f"mean over the {there} classes met in the truth (detectron2)",
            ),
            ("pixel accuracy", scores.pixel_accuracy, "labelled pixels that are right"),
            ("mean accuracy", scores.mean_accuracy, "mean over the classes met in the truth"),
            ("frequency-weighted IoU", scores.frequency_weighted_iou, "IoU weighted by the classes' pixels"),
        ]
        if parts := self.seen_unseen:
            unseen = len(self.unseen)
            seen = total - unseen if self.seen is None else len(self.seen)
            rows += [
                ("seen mIoU", parts.seen, f"those met of {seen} classes labelled in training"),
                (
                    "unseen mIoU",
                    parts.unseen,
                    f"those met of {unseen} classes never labelled in training",
                ),
                ("harmonic mean", parts.harmonic, "of seen and unseen mIoU"),
            ]
        table = Table()
        table.add_column("score")
        table.add_column("%", justify="right")
        table.add_column("rule")
        for name, value, rule in rows:
            table.add_row(name, percent(value), rule)
        return table

    def class_table(self) -> Table:
        """IoU, accuracy and precision of every class in percent, and its pixels.

        A dash stands where a class was not met: in the truth, or for precision in the prediction.
        """
        table = Table()
        for header, justify in (
            *(("class", "right"), ("name", "left"), ("IoU %", "right"), ("accuracy %", "right")),
            *(("precision %", "right"), ("pixels in truth", "right"), ("pixels predicted", "right")),
        ):
            table.add_column(header, justify=justify)
        for row in self.classes():
            table.add_row(
                str(row["label"]),
                Text(f"{row['name']} (unseen)" if row["unseen"] else row["name"]),
                *(
                    ABSENT if row[key] is None else percent(row[key])
                    for key in ("iou", "accuracy", "precision")
                ),
                str(row["target_pixels"]),
                str(row["predicted_pixels"]),
            )
        return table

    def classes(self) -> list[dict[str, Any]]:
        """Scores (fractions) and pixels of every class; a score is None where the class was not met."""
        scores = self.evaluation.scores
        ratios = (scores.iou, scores.accuracy, scores.precision)
        columns = (*ratios, scores.present, scores.target, scores.predicted)
        return [
            {
                "label": number,
                "name": name,
                "iou": iou if present else None,
                "accuracy": accuracy if target else None,
                "precision": precision if predicted else None,
                "target_pixels": target,
                "predicted_pixels": predicted,
                "unseen": number in self.unseen,
            }
            for number, (name, iou, accuracy, precision, present, target, predicted) in enumerate(
                zip(scores.labels, *(column.tolist() for column in columns), strict=True)
            )
        ]

    def summary(self) -> dict[str, Any]:
        """What `save` writes as JSON. Scores are fractions."""
        evaluation, scores = self.evaluation, self.evaluation.scores
        parts = self.seen_unseen
        return {
            "checkpoint": dict(self.checkpoint),
            "data": {
                "name": self.data,
                "images": evaluation.images,
                "failed": evaluation.failed,
                "labelled_pixels": scores.labelled,
                "ignored_pixels": scores.ignored,
            },
            "protocol": dict(self.protocol),
            "scores": {
                "miou": scores.miou,
                "miou_present": scores.miou_present,
                "miou_truth": scores.miou_truth,
                "pixel_accuracy": scores.pixel_accuracy,
                "mean_accuracy": scores.mean_accuracy,
                "frequency_weighted_iou": scores.frequency_weighted_iou,
                **({"seen": parts.seen, "unseen": parts.unseen, "harmonic": parts.harmonic} if parts else {}),
            },
            "classes": self.classes(),
            "failures": [asdict(failure) for failure in evaluation.failures],
            "seconds": round(evaluation.seconds, 3),
            **self.details,
        }

    def save(self, folder: str | Path) -> tuple[Path, Path, Path]:
        """Write scores.json, confusion.csv and confusion.png into `folder`, and return their paths.

        Each file is there whole or not at all. Raises `OSError` where the folder cannot be written.
        """
        folder, scores = Path(folder), self.evaluation.scores
        buffer = io.BytesIO()
        confusion.picture(scores.confusion, scores.labels).save(buffer, "png")
        contents = {
            folder / "scores.json": json.dumps(self.summary(), indent=1, ensure_ascii=False) + "\n",
            folder / "confusion.csv": confusion.table(scores.confusion, scores.labels),
            folder / "confusion.png": buffer.getvalue(),
        }
        for path, data in reversed(contents.items()):  # the scores last: where they are, all is
            write_whole(path, data)
        return tuple(contents)


def check_scored(evaluation: Evaluation, data: str, what: str = "images") -> None:
    """Raise `UserError` where not one image of `data` was scored."""
    if not evaluation.images:
        first = evaluation.failures[0] if evaluation.failures else None
        reason = f"{first.name}: {first.message}" if first else "there are none"
        raise UserError(f"none of the {evaluation.failed} {what} of {data} was scored ({reason})")


def origin(checkpoint: Mapping[str, Any], data: str, protocol: Mapping[str, Any]) -> str:
    """Checkpoint, data and protocol in three lines; `data` is what stands in the second.

    A checkpoint without `sha256` is that of another program's predictions, which did not tell it.
    """
    kind = " ".join(str(checkpoint[key]) for key in ("system", "variant") if key in checkpoint)
    rest = ", ".join(f"{key} {_plain(value)}" for key, value in protocol.items() if key != "name")
    known = f"sha256 {checkpoint['sha256'][:SHORT]}" if "sha256" in checkpoint else "not told"
    return (
        f"checkpoint {known}{f' ({kind})' if kind else ''}\n"
        f"data {data}\nprotocol {protocol['name']}{f': {rest}' if rest else ''}"
    )


def save_scores(folder: str | Path, summary: Mapping[str, Any]) -> Path:
    """Write scores.json into `folder`, whole or not at all, and return its path.

    Raises `OSError` where the folder cannot be written.
    """
    path = Path(folder) / "scores.json"
    write_whole(path, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
    return path


def score_table(*headers: str) -> Table:
    """An empty table; words stand on the left, numbers on the right."""
    table = Table()
    for header in headers:
        table.add_column(header, justify="left" if header in WORDS else "right")
    return table


def percent(fraction: float) -> str:
    """A score as the tables show it."""
    return f"{100 * fraction:.2f}"


def _plain(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
