"""Arrays from a worker process to its parent through shared memory: a pipe costs more than reading a photo.

A block is freed by the parent; if the parent is killed, by Python's resource tracker.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path

import numpy as np

SMALL = 2**21  # bytes up to which a pipe is as fast
FOLDER = Path("/dev/shm")  # where Linux keeps shared memory; containers often leave little of it
SPARE = 2  # times the block that must be free there, since other workers look at the same time


@dataclass(frozen=True)
class Parcel:
    """Where arrays lie: the name of a block of shared memory, and their shapes and types in order."""

    name: str
    contents: tuple[tuple[tuple[int, ...], np.dtype], ...]

    def open(self) -> tuple[np.ndarray, ...]:
        """Copy the arrays and free the block."""
        block = SharedMemory(self.name)
        arrays = tuple(array.copy() for array in _places(block, self.contents))
        block.close()
        block.unlink()
        return arrays

    def discard(self) -> None:
        """Free the block."""
        block = SharedMemory(self.name)
        block.close()
        block.unlink()


def pack(arrays: Sequence[np.ndarray]) -> Parcel | tuple[np.ndarray, ...]:
    """A parcel of `arrays`; they themselves where they are small or there is no room for it."""
    size = sum(array.nbytes for array in arrays)
    if size <= SMALL or (FOLDER.is_dir() and shutil.disk_usage(FOLDER).free < SPARE * size):
        return tuple(arrays)
    try:
        block = SharedMemory(create=True, size=size)
    except OSError:
        return tuple(arrays)
    contents = tuple((array.shape, array.dtype) for array in arrays)
    for place, array in zip(_places(block, contents), arrays, strict=True):
        place[...] = array
    del place
    block.close()
    return Parcel(block.name, contents)


def unpack(packed: Parcel | tuple[np.ndarray, ...]) -> tuple[np.ndarray, ...]:
    """What was packed."""
    return packed.open() if isinstance(packed, Parcel) else packed


def _places(block: SharedMemory, contents: Sequence[tuple[tuple[int, ...], np.dtype]]):
    """Arrays that lie in the block, one at a time."""
    start = 0
    for shape, dtype in contents:
        place = np.ndarray(shape, dtype, block.buf, start)
        start += place.nbytes
        yield place
