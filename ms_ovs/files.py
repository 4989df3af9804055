"""Files that are whole or absent: never half-written."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ms_ovs.errors import UserError


@contextmanager
def replacing(path: str | Path) -> Iterator[BinaryIO]:
    """Open a file that becomes `path` when the block ends well, and vanishes when it does not.

    A reader sees the old file or the whole new one. Makes the folder if need be. Raises `OSError`
    where that or the writing is not possible.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # mkstemp makes files that only their owner reads
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def check_place(path: str | Path, what: str) -> None:
    """See that a file can be written to `path`, before the work that makes its content; leaves nothing there.

    Raises `UserError`, in which `what` names the file's role.
    """
    path = Path(path)
    try:
        if path.is_dir():
            raise UserError(f"{what} {str(path)!r} is a folder: give a file name")
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f"{what} {str(path)!r} cannot be written ({error.strerror}): name another place"
        ) from None


def check_new_folder(path: str | Path, what: str) -> None:
    """See that `path` is an empty folder or can become one; leaves nothing there.

    Raises `UserError`, in which `what` names the folder's role.
    """
    path = Path(path)
    check_place(path / "any", what)
    if path.is_dir() and any(path.iterdir()):
        raise UserError(f"{what} {str(path)!r} holds files already: name a new or an empty folder")


def write_whole(path: str | Path, data: bytes | str) -> None:
    """Write `data` (text as UTF-8) to `path`, all or nothing."""
    with replacing(path) as file:
        file.write(data.encode() if isinstance(data, str) else data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
