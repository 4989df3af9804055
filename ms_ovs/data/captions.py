"""Photographs with a sentence each, for CLIP: a file of lines {"image": path, "caption": sentence}."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from ms_ovs.data.reading import read_image
from ms_ovs.errors import UserError
from ms_ovs.vocab.files import read_lines


class CaptionDataset:
    """Pairs of (image uint8 (H,W,3), tokens int32 (L,)), in the order of the file.

    `captions` are the sentences, `tokens` int32 (N,L) all of them as ids.
    """

    def __init__(self, path: str | Path, tokenize: Callable[[Sequence[str]], np.ndarray]):
        """Read the file at `path`; images are named from its folder. `tokenize`: N texts to int32 (N,L).

        Raises `UserError` for a file that is missing, empty or has a line of another kind.
        """
        path = Path(path)
        entries = [_entry(line, number, path) for number, line in enumerate(read_lines(path, "captions"), 1)]
        if not entries:
            raise UserError(f"captions {str(path)!r} is empty: give a line for each image")
        self.images = [path.parent / image for image, _ in entries]
        self.captions = [caption for _, caption in entries]
        self.tokens = tokenize(self.captions)

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Read an image. Raises `UserError`, naming a file that is gone or damaged."""
        return read_image(self.images[index]), self.tokens[index]


def _entry(line: str, number: int, path: Path) -> tuple[str, str]:
    try:
        entry = json.loads(line)
        image, caption = entry["image"], entry["caption"]
        if isinstance(image, str) and isinstance(caption, str):
            return image, caption
    except (ValueError, KeyError, TypeError):
        pass
    raise UserError(
        f'captions {str(path)!r}, line {number} is {line[:60]!r}; it must be {{"image": "…", "caption": "…"}}'
    )
