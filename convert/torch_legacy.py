"""The torch format from before 1.6, a row of pickles: read by torch itself, where it is installed."""

from pathlib import Path
from typing import Any

from convert.tensors import Entry
from convert.unpickle import plain
from ms_ovs.errors import UserError

_AGAIN = "load it with torch 1.6 or newer and torch.save it again, which writes a zip file"


def read(path: Path) -> Any:
    """What the file holds, its tensors as entries. `UserError` without torch or for more than plain data."""
    try:
        import torch
    except ImportError as error:
        raise UserError(
            f"a torch file of the old, non-zip format, which only torch reads: install torch, or {_AGAIN}"
        ) from error

    def entry(tensor: torch.Tensor) -> Entry:
        tensor = tensor.detach().contiguous()
        if tensor.dtype == torch.bfloat16:
            return Entry.of(tensor.view(torch.int16).numpy().view("<u2"), "BF16")
        return Entry.of(tensor.numpy())

    def entries(value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return entry(value)
        if isinstance(value, dict):
            return {name: entries(part) for name, part in value.items()}
        return plain(value)

    try:
        return entries(torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:  # torch raises whatever the bytes lead it to
        # Its first line advises to load the file with code and all.
        lines = [line for line in str(error).splitlines() if line.strip()]
        reason = next((line for line in lines if not line.startswith("Weights only")), type(error).__name__)
        raise UserError(f"torch cannot read this as old-format weights ({reason}): {_AGAIN}") from error
