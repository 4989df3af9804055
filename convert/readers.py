"""Any checkpoint file → tensors that are read when asked for. The content decides, not the suffix."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from convert import safetensors, torch_legacy, torch_zip
from convert.tensors import Entry
from ms_ovs.errors import UserError

_HUB_FILES = ("model.safetensors", "pytorch_model.bin")
# What is often met in the place of a checkpoint, by its first bytes.
_MISTAKEN = {
    b"version https://git-lfs": "this is a Git LFS pointer, not the file itself: run git lfs pull",
    b"\x1f\x8b": "the file is packed by gzip: unpack it first (gunzip)",
    b"<": "this is a web page, not the file itself: download it again",
}


@dataclass
class Source:
    """An opened checkpoint. `metadata` is a .safetensors file's, `hyper_parameters` a Lightning file's,
    `config` the config.json of a transformers model beside the file; each is empty where there is none."""

    path: Path
    tensors: dict[str, Entry]
    metadata: dict[str, str] = field(default_factory=dict)
    hyper_parameters: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def sha256(self) -> str:
        """Hexadecimal SHA-256 of the file, computed when first asked for."""
        return sha256(self.path)

    @cached_property
    def config(self) -> dict[str, Any]:
        """The model's config.json, if it is one of a CLIP."""
        path = self.path.parent / "config.json"
        if not path.is_file():
            return {}
        try:
            config = json.loads(path.read_text())
        except ValueError as error:
            raise UserError(f"{path} is no JSON ({error}): mend or remove it") from error
        return config if isinstance(config, dict) and config.get("model_type") == "clip" else {}


def sha256(path: Path, advance: Callable[[int], None] = lambda count: None) -> str:
    """Hexadecimal SHA-256 of a file, read in pieces; `advance` hears of each piece's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 22):
            digest.update(piece)
            advance(len(piece))
    return digest.hexdigest()


def read(path: str | Path, *, lone: str | None = None) -> Source:
    """Open a checkpoint: torch zip (.pt, .pth, .ckpt, .bin), TorchScript, .safetensors, or torch's old one.

    A folder stands for the model.safetensors or pytorch_model.bin in it. `lone` names the tensor of a torch
    file that holds a single one; without it such a file is refused. Raises `UserError`, with the path
    in front, for anything that is no whole and harmless checkpoint.
    """
    path = Path(path)
    try:
        if path.is_dir():
            path = _in_folder(path)
        with path.open("rb") as file:
            head = file.read(64)
        return _read(path, head, lone)
    except FileNotFoundError as error:
        raise UserError(f"{path}: there is no such file") from error
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from error
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def _read(path: Path, head: bytes, lone: str | None) -> Source:
    if not head:
        raise UserError("the file is empty: copy or download it again")
    if head.startswith(b"PK"):
        tensors, hyper_parameters = torch_zip.read(path, lone=lone)
        source = Source(path, tensors, hyper_parameters=hyper_parameters)
    elif head[8:9] == b"{":
        tensors, metadata = safetensors.read(path)
        source = Source(path, tensors, metadata)
    elif head.startswith(b"\x80"):
        value = torch_legacy.read(path)
        value = {lone: value} if lone and isinstance(value, Entry) else value
        tensors, hyper_parameters = torch_zip.state_dict(value)
        source = Source(path, tensors, hyper_parameters=hyper_parameters)
    else:
        known = "no checkpoint: give a .pt, .pth, .ckpt, .bin or .safetensors file"
        raise UserError(next((what for bytes_, what in _MISTAKEN.items() if head.startswith(bytes_)), known))
    if not source.tensors:
        raise UserError("the file holds no tensors: give a checkpoint with weights")
    return source


def _in_folder(folder: Path) -> Path:
    for name in _HUB_FILES:
        if (folder / name).is_file():
            return folder / name
    raise UserError(f"a folder without {' or '.join(_HUB_FILES)}: give the checkpoint file itself")
