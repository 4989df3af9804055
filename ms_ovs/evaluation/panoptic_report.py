"""Panoptic quality with what it is the quality of: on the screen and as JSON."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from ms_ovs.evaluation.panoptic import GROUPS, PanopticEvaluation
from ms_ovs.evaluation.report import ABSENT, check_scored, origin, percent, save_scores, score_table

RATIOS = ("pq", "sq", "rq")
COUNTS = ("true_positives", "false_positives", "false_negatives")


@dataclass(frozen=True)
class PanopticReport:
    """An evaluation of panoptic maps and where it comes from.

    `checkpoint`, `data`, `protocol` and `details` are as in `ms_ovs.evaluation.report.Report`. Raises
    `UserError` where not one image was scored.
    """

    evaluation: PanopticEvaluation
    checkpoint: Mapping[str, Any]
    data: str
    protocol: Mapping[str, Any]
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self):
        check_scored(self.evaluation, self.data)

    @property
    def provenance(self) -> str:
        """Checkpoint, data and protocol in three lines."""
        scores, done = self.evaluation.scores, self.evaluation.images
        segments = int((scores.true_positives + scores.false_negatives).sum())
        counts = f"{done} of {done + self.evaluation.failed} images, {segments} segments"
        return origin(self.checkpoint, f"{self.data}: {counts}", self.protocol)

    def print(self, console: Console) -> None:
        """Show where the scores come from, those of the classes, and those of things, stuff and all."""
        console.print(Text(self.provenance), soft_wrap=True)
        console.print(self.class_table())
        console.print(self.group_table())

    def class_table(self) -> Table:
        """PQ, SQ and RQ of every class in percent and its counts; a dash where a class was not met."""
        table = score_table("class", "name", "kind", "PQ %", "SQ %", "RQ %", "TP", "FP", "FN")
        for row in self.classes():
            table.add_row(
                str(row["label"]),
                Text(row["name"]),
                row["kind"],
                *(ABSENT if row[key] is None else percent(row[key]) for key in RATIOS),
                *(str(row[key]) for key in COUNTS),
            )
        return table

    def group_table(self) -> Table:
        """The means over all classes, things and stuff in percent, and over how many classes they are."""
        table = score_table("group", "PQ %", "SQ %", "RQ %", "classes")
        for name, row in self.groups().items():
            table.add_row(name, *(percent(row[key]) for key in RATIOS), str(row["classes"]))
        return table

    def groups(self) -> dict[str, dict[str, Any]]:
        """PQ, SQ, RQ (fractions) of each group, and how many of its classes were met."""
        return {group: self.evaluation.scores.quality(group)._asdict() for group in GROUPS}

    def classes(self) -> list[dict[str, Any]]:
        """Ratios (fractions) and counts of every class; a ratio is None where the class was not met."""
        scores = self.evaluation.scores
        ratios, counts = ([getattr(scores, name).tolist() for name in names] for names in (RATIOS, COUNTS))
        return [
            {
                "label": number,
                "name": name,
                "kind": "thing" if scores.things[number] else "stuff",
                **{
                    key: column[number] if present else None
                    for key, column in zip(RATIOS, ratios, strict=True)
                },
                **{key: column[number] for key, column in zip(COUNTS, counts, strict=True)},
            }
            for number, (name, present) in enumerate(zip(scores.labels, scores.present.tolist(), strict=True))
        ]

    def summary(self) -> dict[str, Any]:
        """What `save` writes as JSON. Scores are fractions."""
        evaluation = self.evaluation
        return {
            "checkpoint": dict(self.checkpoint),
            "data": {"name": self.data, "images": evaluation.images, "failed": evaluation.failed},
            "protocol": dict(self.protocol),
            "scores": self.groups(),
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
