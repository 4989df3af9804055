"""Checkpoints: from a converted file to a model that computes with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from convert import Entry, Source, read, variants
from convert.conversion import FORMAT, described
from convert.options import Options, checked
from convert.rules import CARRIED
from ms_ovs.errors import UserError, nearest
from ms_ovs.models.registry import create_model


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint file says of itself.

    `sha256` is that of the file, `system` the published system, such as "lseg", `variant` the network
    within it, such as "clip_vitl16_384", and `options` what differs from the variant's own config.
    """

    path: Path
    sha256: str
    metadata: Mapping[str, str]
    system: str
    variant: str
    options: Mapping[str, Any]


Systems = str | Sequence[str] | None


def load_model(
    path: str | Path, *, system: Systems = None, options: Mapping[str, Any] | None = None
) -> tuple[nn.Cell, Checkpoint]:
    """Build the network that a converted checkpoint describes and fill it.

    `system`, where given, is the one, or are those, that the caller can use. `options`
    (`convert.options.SETTABLE`) go before those of the file. Raises `UserError` when the file is missing,
    damaged, not converted, of another system, or does not fill the network exactly, and for options that
    the system does not have.
    """
    source = read(path)
    met, variant, own = identify(source, system=system)
    own |= checked(met, options)
    model = create_model(met, variant=variant, seed=None, **own)
    fill(model, source.tensors, origin=str(path))
    return model, Checkpoint(source.path, source.sha256, source.metadata, met, variant, own)


def load_config(path: str | Path, *, system: Systems = None) -> variants.Config:
    """The size of the network that a converted checkpoint describes; no weight is read.

    `system` and errors as for `load_model`.
    """
    kind = identify(read(path), system=system)
    try:
        return variants.config_of(*kind)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error


def identify(source: Source, *, system: Systems = None) -> tuple[str, str, Options]:
    """System, variant and options that a converted file names.

    `system`, where given, is the one, or are those, that the caller can use. Raises `UserError` when the file
    was not converted, its metadata are damaged, or it is of another system.
    """
    path, command = source.path, "python -m convert"
    wanted = (system,) if isinstance(system, str) else tuple(system or ())
    if wanted:
        command += f" SOURCE TARGET --system {wanted[0]}"
    if source.metadata.get("format") != FORMAT:
        raise UserError(f"{path} was not written by the converter; convert it with {command}")
    try:
        met, variant, options = described(source.metadata)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if wanted and met not in wanted:
        raise UserError(
            f"{path} is a checkpoint of {met!r}, here one of {' or '.join(map(repr, wanted))} is needed; "
            f"convert yours with {command}"
        )
    return met, variant, options


def fill(model: nn.Cell, tensors: Mapping[str, Entry], *, origin: str) -> None:
    """Set every parameter of `model` from the tensor of its name, as float32.

    Tensors that are carried along for the way back are passed over. Raises `UserError` when names
    are missing or left over, or a shape differs; the model is then untouched. Outside graph mode do
    not call it on a model that was compiled: MindSpore would go on computing with the old values.
    """
    parameters = dict(model.parameters_and_names())
    tensors = {name: entry for name, entry in tensors.items() if not name.startswith(CARRIED)}
    missing = [name for name in parameters if name not in tensors]
    stray = [name for name in tensors if name not in parameters]
    if missing or stray:
        raise UserError(f"{origin} does not fit the network: {_difference(missing, stray)}")
    for name, parameter in parameters.items():
        if tensors[name].shape != parameter.shape:
            raise UserError(
                f"{origin} does not fit the network: {name} has shape {tensors[name].shape}, "
                f"the network needs {parameter.shape}"
            )
    for name, parameter in parameters.items():
        parameter.set_data(ms.Tensor(tensors[name].numbers().astype(np.float32, copy=False)))


def _difference(missing: list[str], stray: list[str]) -> str:
    parts = []
    if missing:
        near = nearest(missing[0], stray)
        hint = f" (nearest in the file: {near[0]})" if near else ""
        parts.append(f"{len(missing)} tensors are missing, first {missing[0]}{hint}")
    if stray:
        parts.append(f"{len(stray)} tensors are not known, first {stray[0]}")
    return "; ".join(parts)
