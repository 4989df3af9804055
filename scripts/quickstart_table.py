"""Print what the quickstart found, from the files it left."""

import json
import sys
from pathlib import Path

from rich.console import Console
from rich.table import Table


def main(out: Path) -> None:
    """The table of `out`, the folder of a quickstart."""
    right, exchanged = (
        json.loads((out / name / "scores.json").read_text("utf-8"))["scores"]
        for name in ("scores", "scores_exchanged")
    )
    table = Table(title="mIoU on the embedded benchmark's validation scenes")
    table.add_column("pairs of words")
    table.add_column("%", justify="right")
    for name, score in (
        ("24 pairs, labelled in training", right["seen"]),
        ("6 pairs, never labelled in training", right["unseen"]),
        ("the same 6, asked for by each other's words", exchanged["unseen"]),
    ):
        table.add_row(name, f"{100 * score:.1f}")
    Console().print(table)
    print(f"pictures: {out / 'scores' / 'predictions.png'}")
    print(
        "the same network on a photograph of your own: .venv/bin/ms-ovs predict PHOTO "
        '--labels "red star, blue circle, sand, grass" --out pictures'
    )


main(Path(sys.argv[1]))
