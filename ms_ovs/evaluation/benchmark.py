"""The scores of a checkpoint on several data sets, as one table: for the screen, Markdown and JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from rich.console import Console
from rich.table import Table

from ms_ovs.evaluation.report import SHORT, origin, percent
from ms_ovs.files import write_whole

FILES = ("benchmark.md", "benchmark.json")
SCORES_FILE = "scores.json"  # of a data set
SCORES = {
    "mIoU": "miou",
    "mIoU, present": "miou_present",
    "mIoU, truth": "miou_truth",
    "fwIoU": "frequency_weighted_iou",
    "pixel accuracy": "pixel_accuracy",
    "mean accuracy": "mean_accuracy",
}
RULES = (
    "All scores are percentages. mIoU is the mean over all classes, of which those that were not met count 0 "
    "(LSeg's rule); *present*: over the classes met in truth or prediction (detectron2 0.6, mmsegmentation); "
    "*truth*: over those met in the truth (current detectron2)."
)


class Row(BaseModel):
    """What the table needs of the scores.json of a data set; `identity` is what its scores depend on."""

    identity: dict[str, Any]
    checkpoint: dict[str, Any]
    data: dict[str, Any]
    protocol: dict[str, Any]
    scores: dict[str, float]
    seconds: float
    versions: dict[str, str]
    device: str

    @classmethod
    def read(cls, path: Path) -> "Row | None":
        """That of a scores.json; None where there is none, or none of a benchmark."""
        try:
            return cls.model_validate_json(path.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    @property
    def cells(self) -> dict[str, str]:
        """What stands in the columns of the table, by their headers."""
        said, data = self.identity, self.data
        return {
            "images": str(data["images"]),
            "left out": str(data["failed"]),
            **{header: percent(self.scores[key]) for header, key in SCORES.items()},
            "seconds": f"{self.seconds:.0f}",
            "words": said["words"],
            "templates": said["templates"],
            "data sha256": said["data"][:SHORT],
        }


NAME = "data set"
TEXTS = {NAME, "words", "templates", "data sha256"}  # columns of text, the others are of numbers
# the files have all
ON_SCREEN = ("images", "mIoU", "mIoU, present", "fwIoU", "pixel accuracy", "mean accuracy")


@dataclass(frozen=True)
class Benchmark:
    """Rows by the name of their data set, at least one; and why there are none of those `left_out`."""

    rows: Mapping[str, Row]
    left_out: Mapping[str, str]

    @property
    def first(self) -> Row:
        """A row whose checkpoint and protocol are those of all."""
        return next(iter(self.rows.values()))

    def markdown(self) -> str:
        """Where the scores come from, the table, and what is not in it."""
        row = self.first
        kind = " ".join(str(row.checkpoint[key]) for key in ("system", "variant") if key in row.checkpoint)
        protocol = origin(row.checkpoint, "", row.protocol).splitlines()[-1]
        headers = (NAME, *row.cells)
        lines = [
            "# Scores on several data sets",
            f"- checkpoint sha256 `{row.checkpoint['sha256']}` ({kind})",
            f"- {protocol}",
            *_settings(row.identity),
            f"- computed by {', '.join(' '.join(pair) for pair in row.versions.items())} on {row.device}",
            "",
            _line(headers),
            _line("---" if header in TEXTS else "---:" for header in headers),
            *(_line((name, *found.cells.values())) for name, found in self.rows.items()),
            "",
            RULES,
        ]
        if self.left_out:
            parts = "; ".join(f"{name} ({why})" for name, why in self.left_out.items())
            lines += ["", f"Not scored: {parts}."]
        return "\n".join(lines) + "\n"

    def summary(self) -> dict[str, Any]:
        """Everything, for JSON. Scores are fractions."""
        sets = {name: row.model_dump() for name, row in self.rows.items()}
        return {"sets": sets, "left_out": dict(self.left_out)}

    def save(self, folder: Path) -> None:
        """Write benchmark.md and benchmark.json, each whole or not at all."""
        write_whole(folder / FILES[0], self.markdown())
        write_whole(folder / FILES[1], json.dumps(self.summary(), indent=1, ensure_ascii=False) + "\n")

    def print(self, console: Console) -> None:
        """Show checkpoint, protocol and the main columns of the table; scores are percentages."""
        data = f"{len(self.rows)} sets, {len(self.left_out)} left out"
        console.print(origin(self.first.checkpoint, data, self.first.protocol), soft_wrap=True, markup=False)
        table = Table(caption="scores in %", caption_justify="left")
        table.add_column(NAME, no_wrap=True)
        for header in ON_SCREEN:
            table.add_column(header, justify="right")
        for name, row in self.rows.items():
            table.add_row(name, *(row.cells[header] for header in ON_SCREEN))
        console.print(table)


def _settings(identity: Mapping[str, Any]) -> list[str]:
    """The lines of what the network was told beside its checkpoint."""
    options = ", ".join(f"{name}={value}" for name, value in identity.get("options", {}).items())
    weights = identity.get("class_weights")
    lines = {"options": options, "class weights by the CLIP of sha256": weights and f"`{weights}`"}
    return [f"- {name} {value}" for name, value in lines.items() if value]


def _line(cells) -> str:
    return f"| {' | '.join(cells)} |"
