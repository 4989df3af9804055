"""A tensor that is read when asked for; dtype names are those of safetensors."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

# safetensors' dtype code → NumPy's, little-endian. NumPy has no bfloat16: its bits travel as uint16.
DTYPES: dict[str, np.dtype] = {
    code: np.dtype(name)
    for code, name in {
        "F64": "<f8",
        "F32": "<f4",
        "F16": "<f2",
        "BF16": "<u2",
        "I64": "<i8",
        "I32": "<i4",
        "I16": "<i2",
        "I8": "|i1",
        "U8": "|u1",
        "BOOL": "|b1",
    }.items()
}
FLOATS = frozenset({"F64", "F32", "F16", "BF16"})
_CODES = {dtype: code for code, dtype in DTYPES.items() if code != "BF16"}


@dataclass(frozen=True, eq=False)
class Entry:
    """A tensor of a checkpoint: its dtype code and shape are known, its values still lie in the file.

    `load` brings the values each time it is called; nothing is kept.
    """

    dtype: str
    shape: tuple[int, ...]
    load: Callable[[], np.ndarray] = field(repr=False)

    @classmethod
    def of(cls, array: np.ndarray, dtype: str | None = None) -> "Entry":
        """Wrap an array that is already in memory. `dtype` "BF16" says that uint16 bits are meant."""
        array = np.asarray(array)
        code = dtype or _CODES.get(array.dtype.newbyteorder("<"))
        if code is None:
            raise ValueError(f"no checkpoint dtype for arrays of {array.dtype}")
        return cls(code, array.shape, lambda: array)

    @property
    def size(self) -> int:
        """Number of elements."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """Number of bytes of the values."""
        return self.size * DTYPES[self.dtype].itemsize

    def read(self) -> np.ndarray:
        """The values, C-contiguous, in the tensor's shape; bfloat16 as its uint16 bits."""
        array = np.asarray(self.load(), dtype=DTYPES[self.dtype], order="C")
        if array.shape != self.shape:
            raise ValueError(f"tensor of shape {self.shape} read as {array.shape}")
        return array

    def numbers(self) -> np.ndarray:
        """The values as numbers NumPy can count with: bfloat16 widened to float32, exactly."""
        array = self.read()
        if self.dtype != "BF16":
            return array
        return (array.astype(np.uint32) << 16).view(np.float32)
