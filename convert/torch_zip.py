"""The zip format of torch.save and torch.jit.save, read without torch and without running anything.

`<root>/data.pkl` describes the object; each storage's values lie uncompressed in `<root>/data/<key>` and
are read when a tensor asks for them.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from convert.archive import Archive
from convert.tensors import DTYPES, Entry
from convert.torch_zip_write import STORAGES, write
from convert.unpickle import Global, Placeholder, Unpickler, plain, put_items
from ms_ovs.errors import UserError

__all__ = ["read", "state_dict", "write"]

_STORAGE_DTYPES = {f"torch.{name}": code for code, name in STORAGES.items()}
# fmt: off
_DTYPES = {
    "torch.float64": "F64", "torch.float32": "F32", "torch.float16": "F16", "torch.bfloat16": "BF16",
    "torch.int64": "I64", "torch.int32": "I32", "torch.int16": "I16", "torch.int8": "I8",
    "torch.uint8": "U8", "torch.bool": "BOOL",
}
# fmt: on
_UNTYPED = {"torch.storage.UntypedStorage", "torch.UntypedStorage"}
# A shared module can stand in a tree very often; real trees have some thousand attributes.
_MAX_ATTRIBUTES, _MAX_DEPTH = 1_000_000, 64


@dataclass(frozen=True)
class _Storage:
    """A run of values in the archive; `dtype` is None where the tensor says it."""

    entry: str
    nbytes: int
    dtype: str | None


def read(path: Path, *, lone: str | None = None) -> tuple[dict[str, Entry], dict[str, Any]]:
    """The state dict and, for a Lightning file, its hyper-parameters as plain values.

    Where the file holds a single tensor, `lone` is the name that it gets; without one it is refused. Raises
    `UserError` for a damaged or hostile file and for one without a state dict.
    """
    archive = Archive(path)
    if "byteorder" in archive and archive.small("byteorder").strip() != b"little":
        raise UserError("the values are stored big-endian: save the file again on a little-endian machine")
    value = _unpickle(archive)
    if "constants.pkl" in archive:
        return _module_tensors(archive, value), {}
    return state_dict({lone: value} if lone and isinstance(value, Entry) else value)


def state_dict(value: Any) -> tuple[dict[str, Entry], dict[str, Any]]:
    """The tensors in what a checkpoint holds, and the hyper-parameters that a Lightning file adds."""
    if not isinstance(value, dict):
        raise UserError(f"the file holds {_describe(value)}, no state dict: save model.state_dict() instead")
    hyper = plain(value.get("hyper_parameters"))
    for name in ("state_dict", "model"):
        if isinstance(value.get(name), dict):
            value = value[name]
            break
    value = _flat(value)
    for name, tensor in value.items():
        if not isinstance(name, str):
            raise UserError(f"the state dict has the key {name!r}; keys must be names")
        if not isinstance(tensor, Entry):
            raise UserError(f"in the place of tensor {name!r} stands {_describe(tensor)}: refused")
    return value, hyper if isinstance(hyper, dict) else {}


def _flat(value: dict) -> dict:
    """Dictionaries in a dictionary, as MaskCLIP's weights have them, under both names with a dot between."""
    flat: dict = {}
    for name, part in value.items():
        nested = isinstance(part, dict) and isinstance(name, str)
        for key, tensor in (
            ((f"{name}.{inner}", t) for inner, t in part.items()) if nested else [(name, part)]
        ):
            if key in flat:
                raise UserError(f"tensor {key!r} stands twice in the file: refused")
            flat[key] = tensor
    return flat


def _unpickle(archive: Archive) -> Any:
    """The value in data.pkl, with tensors as entries. Here is all that a pickle can make happen."""

    def storage(persistent_id: Any) -> _Storage:
        kind, type_, key, _, numel, *_ = persistent_id
        if kind != "storage" or not (
            isinstance(type_, Global) and isinstance(key, str) and type(numel) is int
        ):
            raise UserError("the pickle refers to something that is no storage: refused")
        dtype = _STORAGE_DTYPES.get(str(type_))
        if dtype is None and str(type_) not in _UNTYPED:
            raise UserError(f"storage {key} is a {type_}: weights may be {', '.join(_DTYPES)}")
        entry = f"data/{key}"
        nbytes = numel * (DTYPES[dtype].itemsize if dtype else 1)
        if (size := archive.storage_size(entry)) != nbytes:
            raise UserError(f"storage {key} should have {nbytes} bytes and has {size}: the file is damaged")
        return _Storage(entry, nbytes, dtype)

    def tensor(storage: _Storage, offset: Any, shape: Any, stride: Any, *_: Any) -> Entry:
        return _tensor(archive, storage, storage.dtype, offset, shape, stride)

    def tensor_of_dtype(
        storage: _Storage, offset: Any, shape: Any, stride: Any, grad: Any, hooks: Any, dtype: Global, *_: Any
    ) -> Entry:
        known = _DTYPES.get(f"{dtype.module}.{dtype.name}")
        return _tensor(archive, storage, known, offset, shape, stride)

    def of_type(function: Global, type_: Any, arguments: Any, state: Any) -> Entry:
        return tensors[f"{function.module}.{function.name}"](*arguments)

    tensors = {
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor_v3": tensor_of_dtype,
        "torch._utils._rebuild_parameter": lambda data, *_: data,
        "torch._utils._rebuild_parameter_with_state": lambda data, *_: data,
    }
    values = {
        "torch._tensor._rebuild_from_type_v2": of_type,
        "torch.Size": tuple,
        "collections.OrderedDict": _ordered_dict,
        "collections.defaultdict": lambda *_: {},
        "_codecs.encode": lambda text, encoding: text.encode("latin1" if encoding == "latin1" else "utf-8"),
        "torch.jit._pickle.restore_type_tag": lambda value, tag: value,
        **dict.fromkeys(_LIST_MAKERS, lambda values: values),
    }
    return Unpickler(tensors | values, storage).load(archive.small("data.pkl"))


_LIST_MAKERS = [f"torch.jit._pickle.build_{kind}list" for kind in ("int", "tensor", "double", "bool")]


def _ordered_dict(pairs: Any = ()) -> dict:
    return put_items({}, [part for pair in pairs for part in pair])


def _tensor(archive: Archive, storage: Any, dtype: str | None, offset: Any, shape: Any, stride: Any) -> Entry:
    """The tensor that looks at `storage` from element `offset` on with these strides, all in elements."""
    if not isinstance(storage, _Storage):
        raise UserError("the pickle makes a tensor of something that is no storage of weights: refused")
    if dtype is None:
        raise UserError(
            f"a tensor of shape {shape} is of none of the dtypes for weights: {', '.join(_DTYPES)}"
        )
    numbers = (offset, *shape, *stride)
    if any(type(n) is not int or not 0 <= n < 1 << 48 for n in numbers) or not len(shape) == len(stride) < 16:
        raise UserError("a tensor has a shape, strides or an offset that are no sizes: the file is damaged")
    item = DTYPES[dtype].itemsize
    size = math.prod(shape)
    span = 1 + sum((n - 1) * step for n, step in zip(shape, stride, strict=True)) if size else 0
    if (offset + span) * item > storage.nbytes or size * item > storage.nbytes:
        raise UserError(
            f"a tensor of shape {tuple(shape)} at offset {offset} does not fit its storage of "
            f"{storage.nbytes} bytes: the file is damaged"
        )

    def load() -> np.ndarray:
        flat = archive.values(storage.entry, offset * item, span * item).view(DTYPES[dtype])
        return np.lib.stride_tricks.as_strided(flat, shape, [step * item for step in stride])

    return Entry(dtype, tuple(shape), load)


# --- TorchScript: the state dict is spread over a tree of modules ---


def _module_tensors(archive: Archive, module: Any) -> dict[str, Entry]:
    """Parameters and buffers of a TorchScript module by dotted name, as its state_dict() would list them."""
    if not _is_module(module):
        raise UserError(f"the TorchScript file holds {_describe(module)}, no module: give a saved model")
    declared: dict[str, Mapping[str, set[str]]] = {}
    tensors: dict[str, Entry] = {}
    pending = [("", module)]
    visited = 0
    for prefix, current in pending:
        visited += len(current.state)
        if visited > _MAX_ATTRIBUTES or prefix.count(".") > _MAX_DEPTH:
            raise UserError("the file nests more modules than any network has: refused")
        names = _declared(archive, current.maker, declared)
        for name, value in current.state.items():
            if isinstance(value, Entry) and (names is None or name in names):
                tensors[f"{prefix}{name}"] = value
            elif _is_module(value):
                pending.append((f"{prefix}{name}.", value))
    return tensors


def _is_module(value: Any) -> bool:
    return isinstance(value, Placeholder) and isinstance(value.state, dict)


def _declared(archive: Archive, maker: Global, files: dict[str, Mapping[str, set[str]]]) -> set[str] | None:
    """Names of the parameters and buffers that a class declares (other tensors are no state), if it is there.

    The class's source text lies beside the pickle and is searched, not run.
    """
    file = f"code/{maker.module.replace('.', '/')}.py"
    if file not in archive:
        return None
    if file not in files:
        _, *parts = re.split(r"^class (\w+)\(", archive.small(file).decode("utf-8", "replace"), flags=re.M)
        files[file] = {
            name: {
                declared
                for line in re.findall(r"^  __(?:parameters|buffers)__ = \[(.*)\]$", body, flags=re.M)
                for declared in re.findall(r'"([^"]*)"', line)
            }
            for name, body in zip(parts[::2], parts[1::2], strict=True)
        }
    return files[file].get(maker.name)


def _describe(value: Any) -> str:
    if isinstance(value, Entry):
        return "a single tensor"
    return f"a {value.maker}" if isinstance(value, Placeholder) else f"a {type(value).__name__}"
