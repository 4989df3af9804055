"""The .safetensors format: read at offsets, written tensor by tensor.

The library checks a file's header; the values are read with plain reads, because the pages of a
memory map count as this process's memory until the last tensor is done.
"""

import json
import struct
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np

from convert.tensors import DTYPES, Entry
from ms_ovs.errors import UserError
from ms_ovs.files import replacing


def read(path: Path) -> tuple[dict[str, Entry], dict[str, str]]:
    """The tensors and the metadata of a file. Raises `UserError` for anything but a whole file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np"):
            pass
    except SafetensorError as error:
        raise UserError(f"not a whole .safetensors file ({error}): copy or download it again") from error
    with path.open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length), object_pairs_hook=_distinct)
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, info in header.items():
        if info["dtype"] not in DTYPES:
            known = ", ".join(DTYPES)
            raise UserError(f"tensor {name!r} has dtype {info['dtype']}; weights may be {known}")
        begin, _ = info["data_offsets"]
        shape = tuple(info["shape"])
        tensors[name] = Entry(
            info["dtype"], shape, partial(_values, path, 8 + length + begin, shape, info["dtype"])
        )
    return tensors, metadata


def write(
    path: Path,
    tensors: Mapping[str, Entry],
    metadata: Mapping[str, str],
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Write `tensors` one by one; `path` appears only when whole. `advance` hears of each tensor's bytes."""
    # Wide types first, so that every tensor starts at a multiple of its own item size.
    ordered = sorted(tensors.items(), key=lambda item: -DTYPES[item[1].dtype].itemsize)
    header: dict[str, object] = {"__metadata__": dict(metadata)}
    end = 0
    for name, entry in ordered:
        begin, end = end, end + entry.nbytes
        header[name] = {"dtype": entry.dtype, "shape": list(entry.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for _, entry in ordered:
            file.write(entry.read().reshape(-1).view(np.uint8).data)
            advance(entry.nbytes)


def _values(path: Path, offset: int, shape: tuple[int, ...], dtype: str) -> np.ndarray:
    array = np.empty(shape, DTYPES[dtype])
    with path.open("rb") as file:
        file.seek(offset)
        if file.readinto(array.reshape(-1).view(np.uint8).data) != array.nbytes:
            raise UserError(f"{path} became shorter while it was read: start again")
    return array


def _distinct(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"tensor {twice!r} stands twice in the file: one of the two must go")
    return found
