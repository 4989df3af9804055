"""Scores of a few-shot set with what they are scores of: on the screen and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from ms_ovs.evaluation.episodes import EpisodeEvaluation
from ms_ovs.evaluation.report import ABSENT, check_scored, origin, percent, save_scores, score_table


@dataclass(frozen=True)
class EpisodeReport:
    """An evaluation of episodes and where it comes from.

    - `names`: what each class of the fold is called, in the order of the scores;
    - `checkpoint`, `protocol`, `details`: as in `ms_ovs.evaluation.report.Report`;
    - `data`: what to call the data; `few_shot` and `fold`: which set and fold it is.

    Raises `UserError` where not one episode was scored.
    """

    evaluation: EpisodeEvaluation
    names: tuple[str, ...]
    checkpoint: Mapping[str, Any]
    data: str
    few_shot: str
    fold: int | None
    protocol: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_scored(self.evaluation, self.data, "episodes")

    @property
    def provenance(self) -> str:
        """Checkpoint, data and protocol in three lines."""
        done, failed = self.evaluation.images, self.evaluation.failed
        counts = f"{done} of {done + failed} episodes, {len(self.names)} classes"
        return origin(self.checkpoint, f"{self.data}: {counts}", self.protocol)

    def print(self, console: Console) -> None:
        """Show where the scores come from, those of the classes, and those of the fold."""
        console.print(Text(self.provenance), soft_wrap=True)
        classes = score_table("class", "name", "IoU %")
        for row in self.classes():
            iou = ABSENT if row["iou"] is None else percent(row["iou"])
            classes.add_row(str(row["class_id"]), Text(row["name"]), iou)
        console.print(classes)
        scores = score_table("set", "fold", "mIoU %", "FB-IoU %")
        fold = ABSENT if self.fold is None else str(self.fold)
        scores.add_row(self.few_shot, fold, *(percent(value) for value in self.scores().values()))
        console.print(scores)

    def scores(self) -> dict[str, float]:
        """mIoU and FB-IoU of the fold, fractions."""
        scores = self.evaluation.scores
        return {"miou": scores.miou / 100, "fb_iou": scores.fb_iou / 100}

    def classes(self) -> list[dict[str, Any]]:
        """Foreground IoU (a fraction) and pixels of every class; IoU is None for a class without episodes.

        In the mean such a class counts 0, by the protocol.
        """
        scores = self.evaluation.scores
        columns = (scores.intersection[1], scores.union[1], scores.union.sum(0) > 0, scores.iou)
        return [
            {
                "class_id": class_id,
                "name": name,
                "iou": iou if met else None,
                "intersection_pixels": intersection,
                "union_pixels": union,
            }
            for class_id, name, intersection, union, met, iou in zip(
                scores.classes, self.names, *(column.tolist() for column in columns), strict=True
            )
        ]

    def summary(self) -> dict[str, Any]:
        """What `save` writes as JSON. Scores are fractions."""
        evaluation = self.evaluation
        return {
            "checkpoint": dict(self.checkpoint),
            "data": {
                "name": self.data,
                "few_shot": self.few_shot,
                "fold": self.fold,
                "episodes": evaluation.images,
                "failed": evaluation.failed,
            },
            "protocol": dict(self.protocol),
            "scores": self.scores(),
            "classes": self.classes(),
            "failures": [asdict(failure) for failure in evaluation.failures],
            "seconds": round(evaluation.seconds, 3),
            **self.details,
        }

    def save(self, folder: str | Path) -> tuple[Path]:
        """Write scores.json into `folder`, whole or not at all, and return its path.

        Raises `OSError` where the folder cannot be written.
        """
        return (save_scores(folder, self.summary()),)
