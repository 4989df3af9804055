"""Copy the embedded benchmark with unrelated words for its classes: a baseline that cannot know the words.

Every pair of words becomes a single one, which no caption uses and which shares nothing with the others. A
network that learns the 24 labelled classes by such words has no way to tell what the other six mean.
"""

import json
import shutil
import sys
from pathlib import Path

from ms_ovs.data import shapes
from ms_ovs.files import write_whole

WORDS = (
    *("anchor", "basket", "candle", "dragon", "engine", "feather", "guitar", "hammer", "island", "jacket"),
    *("kettle", "ladder", "magnet", "needle", "orange", "pencil", "quartz", "rabbit", "saddle", "temple"),
    *("umbrella", "velvet", "window", "xylophone", "yogurt", "zebra", "acorn", "bridge", "camera", "donkey"),
)


def main(source: str, target: str) -> None:
    """From the benchmark in `source` to a copy in `target`; the words of the grounds stay."""
    known = shapes.describe(source)
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("captions*"))
    names = [*WORDS, *known.names[len(WORDS) :]]
    marker = json.loads((Path(source) / shapes.MARKER).read_text("utf-8")) | {"names": names}
    write_whole(Path(target) / "labels.txt", "".join(f"{name}\n" for name in names))
    write_whole(Path(target) / shapes.MARKER, json.dumps(marker, indent=1) + "\n")


main(*sys.argv[1:])
