"""Write the benchmark's labels with the names of the unseen pairs exchanged, each for the next one's.

A network scored with them is asked for things by wrong words: what it still gets right, it does not owe
to the words.
"""

import sys
from pathlib import Path

from ms_ovs.data import shapes
from ms_ovs.files import write_whole


def main(root: str, target: str) -> None:
    """From the benchmark in `root` to the label file `target`."""
    known = shapes.describe(root)
    names = list(known.names)
    turned = (*known.unseen[1:], known.unseen[0])
    for number, other in zip(known.unseen, turned, strict=True):
        names[number] = known.names[other]
    write_whole(Path(target), "".join(f"{name}\n" for name in names))


main(*sys.argv[1:])
