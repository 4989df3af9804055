"""Label maps as bytes of files: PNG for 8 bits, TIFF for 16."""

import io
from collections.abc import Collection, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from ms_ovs.errors import UserError

BYTE_IGNORE, WORD_IGNORE = 255, 65535


def lookup(table: Mapping[int, int], ignore: int, kind: type = np.uint8) -> np.ndarray:
    """An array that maps stored values, 8 or 16 bits, to classes by `table`, and all others to `ignore`."""
    values = np.full(2**16, ignore, kind)
    values[list(table)] = list(table.values())
    return values


def png(labels: np.ndarray) -> bytes:
    """uint8 (H,W) as a grey PNG."""
    return _saved(Image.fromarray(labels.astype(np.uint8)), "PNG")


def tiff(labels: np.ndarray) -> bytes:
    """uint16 (H,W) as a TIFF without loss."""
    return _saved(Image.fromarray(labels.astype(np.uint16)), "TIFF", compression="tiff_deflate")


def _saved(picture: Image.Image, form: str, **options: str) -> bytes:
    data = io.BytesIO()
    picture.save(data, form, **options)
    return data.getvalue()


def check_values(values: np.ndarray, allowed: Collection[int], path: Path, what: str) -> np.ndarray:
    """`values`, unless one is not `allowed`, no `what`: then a `UserError` that names it and the file."""
    if strays := sorted(set(np.unique(values).tolist()).difference(allowed)):
        raise UserError(f"label map {str(path)!r} holds {strays[0]}, which is no {what}: unpack it again")
    return values


def below(values: np.ndarray, limit: int, path: Path) -> np.ndarray:
    """`values`, unless one is `limit` or more: then a `UserError` that names the file."""
    if (most := int(values.max(initial=0))) >= limit:
        raise UserError(f"label map {str(path)!r} holds {most}; values go to {limit - 1}: unpack it again")
    return values
