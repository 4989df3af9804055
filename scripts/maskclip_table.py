"""Print what the demonstration of MaskCLIP found, and write it as maskclip.json and maskclip.png.

Takes the folder that `scripts/demo_maskclip.sh` left: what `ms-ovs eval` wrote of each network, and the label
maps of the plain MaskCLIP and of its student.
"""

import csv
import io
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ms_ovs import viz
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import preset
from ms_ovs.evaluation.saved import SavedMaps, map_names
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.files import write_whole

TEACHER, STUDENT = "plain", "student"
ROWS = {
    TEACHER: "MaskCLIP",
    "denoised": "MaskCLIP, prompt denoising",
    "smoothed": "MaskCLIP, key smoothing",
    "both": "MaskCLIP, both",
    STUDENT: "MaskCLIP+",
}
DRAWS = 1000  # of words for classes
SCENES = 6  # on the picture


def main(data: str, out: str) -> None:
    """The table of `out`, and its picture with scenes of the benchmark `data`."""
    folder = Path(out)
    scores = {name: _scores(folder / name / "confusion.csv") for name in ROWS}
    seen = {
        "the commonest class everywhere": commonest(scores[TEACHER]),
        "MaskCLIP, each word for another class": shuffled(scores[TEACHER]),
        **{title: _groups(scores[name]) for name, title in ROWS.items()},
    }
    table = Table(title="mIoU on the embedded benchmark's validation scenes, %")
    table.add_column("no label of any pixel was used")
    for group in ("all", "pairs", "grounds"):
        table.add_column(group, justify="right")
    for title, found in seen.items():
        table.add_row(title, *(f"{100 * found[group]:.1f}" for group in ("all", "pairs", "grounds")))
    write_whole(folder / "maskclip.json", json.dumps(seen, indent=1) + "\n")
    picture = folder / "maskclip.png"
    write_whole(picture, _picture(FolderDataset(preset("shapes", data, "validation")), folder))
    Console().print(table)
    print(f"picture: {picture}")


def commonest(scores: SemanticScores) -> dict[str, float]:
    """The scores of a map that knows nothing but the commonest class."""
    confusion = np.zeros_like(scores.confusion)
    confusion[:, scores.target.argmax()] = scores.target
    return _groups(_counted(scores.labels, confusion))


def shuffled(scores: SemanticScores) -> dict[str, float]:
    """The mean scores of the same maps when the words are given to the classes by lot."""
    rng = np.random.default_rng(0)
    order = range(len(scores.labels))
    draws = [
        _groups(_counted(scores.labels, scores.confusion[:, rng.permutation(order)])) for _ in range(DRAWS)
    ]
    return {group: float(np.mean([draw[group] for draw in draws])) for group in draws[0]}


def _groups(scores: SemanticScores) -> dict[str, float]:
    """mIoU over the classes that were met: all, the pairs of words, the grounds."""
    pair = np.array([" " in name for name in scores.labels])
    chosen = {"all": pair | ~pair, "pairs": pair, "grounds": ~pair}
    return {name: float(scores.iou[group & scores.present].mean()) for name, group in chosen.items()}


def _scores(path: Path) -> SemanticScores:
    header, *rows = csv.reader(io.StringIO(path.read_text("utf-8")))
    return _counted(header[1:], np.array([row[1:] for row in rows], np.int64))


def _counted(labels, confusion: np.ndarray) -> SemanticScores:
    return SemanticScores.from_counts(labels, np.append(confusion.ravel(), 0))


def _picture(data: FolderDataset, folder: Path) -> bytes:
    """Scenes with truth and prediction: on the left the teacher's, on the right the student's."""
    names = map_names(data.images, data.images[0].parent)
    saved = {name: SavedMaps(folder / f"{name}_maps", names) for name in (TEACHER, STUDENT)}
    samples = [
        viz.Sample(*data[index], maps.read(index).astype(np.int32), f"{data.name(index)}, {ROWS[name]}")
        for index in range(min(SCENES, len(data)))
        for name, maps in saved.items()
    ]
    buffer = io.BytesIO()
    viz.contact_sheet(samples, data.vocabulary.names).save(buffer, "png")
    return buffer.getvalue()


main(*sys.argv[1:])
