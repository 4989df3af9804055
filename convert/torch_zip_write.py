"""Writing the zip format of torch.save without torch, tensor by tensor."""

import struct
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from convert.tensors import Entry
from ms_ovs.files import replacing

ROOT = "archive"
ALIGNMENT = 64  # torch.load(mmap=True) wants the values at multiples of this
STORAGES = {
    "F64": "DoubleStorage",
    "F32": "FloatStorage",
    "F16": "HalfStorage",
    "BF16": "BFloat16Storage",
    "I64": "LongStorage",
    "I32": "IntStorage",
    "I16": "ShortStorage",
    "I8": "CharStorage",
    "U8": "ByteStorage",
    "BOOL": "BoolStorage",
}


def write(
    path: Path,
    tensors: Mapping[str, Entry],
    *,
    hyper_parameters: Mapping[str, Any] | None = None,
    bare: bool = False,
    layout: str | None = None,
    advance: Callable[[int], None] = lambda count: None,
) -> None:
    """Write a file that torch.load(weights_only=True) reads; `path` appears only when it is whole.

    The content is Lightning's, `{"state_dict": tensors, "hyper_parameters": ...}`, or with `bare` the state
    dict alone. Other layouts: "mmcv" is `{"meta": {}, "state_dict": tensors}`, "nested" a dictionary for
    what stands before the first dot of the names, "lone" a single tensor without its name. Hyper-parameters
    are plain values. `advance` hears of every tensor's bytes.
    """
    with replacing(Path(path)) as file, zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr(_info("data.pkl"), _pickle(tensors, hyper_parameters, "bare" if bare else layout))
        archive.writestr(_info("byteorder"), b"little")
        for key, entry in enumerate(tensors.values()):
            info = _info(f"data/{key}")
            info.file_size = entry.nbytes
            info.extra = _padding(file.tell(), info)
            with archive.open(info, "w") as out:
                out.write(entry.read().reshape(-1).view(np.uint8).data)
            advance(entry.nbytes)
        archive.writestr(_info("version"), b"3\n")


def _info(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(f"{ROOT}/{name}")


def _padding(position: int, info: zipfile.ZipInfo) -> bytes:
    """An extra field, marked FB as torch does, after which the values start at an aligned offset."""
    head = position + 30 + len(info.filename) + 4
    padding = -head % ALIGNMENT
    return b"FB" + struct.pack("<H", padding) + b"Z" * padding


def _pickle(
    tensors: Mapping[str, Entry], hyper_parameters: Mapping[str, Any] | None, layout: str | None
) -> bytes:
    parts = [(name, _tensor(str(key), entry)) for key, (name, entry) in enumerate(tensors.items())]
    if layout == "lone":
        ((_, content),) = parts
    elif layout == "bare":
        content = _state(parts)
    elif layout == "nested":
        content = b"}(" + b"".join(_nested(parts)) + b"u"
    else:
        content = b"}(" + (_literal("meta") + _literal({}) if layout == "mmcv" else b"")
        content += _literal("state_dict") + _state(parts)
        if hyper_parameters is not None:
            content += _literal("hyper_parameters") + _literal(dict(hyper_parameters))
        content += b"u"
    return b"\x80\x02" + content + b"."


def _state(parts: Iterable[tuple[str, bytes]]) -> bytes:
    """An ordered dictionary of names and tensors."""
    items = b"".join(_literal(name) + tensor for name, tensor in parts)
    return b"ccollections\nOrderedDict\n)R(" + items + b"u"


def _nested(parts: Iterable[tuple[str, bytes]]) -> Iterator[bytes]:
    """Keys and values of a dictionary with one state dict for each first part of the names."""
    groups: dict[str, list[tuple[str, bytes]]] = {}
    for name, tensor in parts:
        first, dot, rest = name.partition(".")
        if dot:
            groups.setdefault(first, []).append((rest, tensor))
        else:
            yield _literal(name) + tensor
    for first, inner in groups.items():
        yield _literal(first) + _state(inner)


def _tensor(key: str, entry: Entry) -> bytes:
    """_rebuild_tensor_v2(storage, offset 0, shape, strides, requires_grad False, no hooks)."""
    storage = b"(" + _literal("storage") + f"ctorch\n{STORAGES[entry.dtype]}\n".encode()
    storage += _literal(key) + _literal("cpu") + _literal(entry.size) + b"tQ"
    strides = tuple(_strides(entry.shape))[::-1]
    view = _literal(0) + _literal(entry.shape) + _literal(strides) + _literal(False)
    return b"ctorch._utils\n_rebuild_tensor_v2\n(" + storage + view + b"ccollections\nOrderedDict\n)RtR"


def _strides(shape: tuple[int, ...]) -> Iterator[int]:
    """Strides of a C-contiguous tensor in elements, last axis first."""
    step = 1
    for n in reversed(shape):
        yield step
        step *= max(n, 1)


def _literal(value: Any) -> bytes:
    """Pickle instructions (protocol 2) that push a plain value."""
    match value:
        case None:
            return b"N"
        case bool():
            return b"\x88" if value else b"\x89"
        case int():
            data = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
            return b"\x8a" + bytes([len(data)]) + data
        case float():
            return b"G" + struct.pack(">d", value)
        case str():
            data = value.encode()
            return b"X" + struct.pack("<I", len(data)) + data
        case tuple():
            return b"(" + b"".join(map(_literal, value)) + b"t"
        case list():
            return b"](" + b"".join(map(_literal, value)) + b"e"
        case dict():
            return b"}(" + b"".join(_literal(k) + _literal(v) for k, v in value.items()) + b"u"
    raise TypeError(f"hyper-parameters must be plain values, not {type(value).__name__}")
