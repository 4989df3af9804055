"""What is known of an archive before it is opened, and the check that a file is that archive."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from ms_ovs.errors import UserError

CHUNK = 2**20  # bytes read at a time
SHA1 = re.compile(r"[0-9a-f]{40}")

Progress = Callable[[str, int, int, str], None]  # what is being done, units done, units in all, the unit
BYTES, FILES = "bytes", "files"


@dataclass(frozen=True)
class Archive:
    """An archive as its authors offer it, or a part of one.

    - `name`: of the file;
    - `folder`: what is unpacked: a folder in it, such as "VOCdevkit/VOC2012", or "" for all; "*" is any
      folder;
    - `into`: the folder below the root that takes it, "" for the root itself;
    - `strip`: how many folders, from the top on, are left out of the paths;
    - `note`: what to tell of it where it is missing;
    - `sha1`: 40 hexadecimal digits in small letters, or None where it is not known;
    - `splits`: those that need it; empty if all do;
    - `optional`: whether the data set can do without;
    - `endings`: of the names that are unpacked, such as ".jpg"; empty for all;
    - `instead`: the name of another archive that need not be given where this one is.
    """

    name: str
    folder: str = ""
    into: str = ""
    strip: int = 0
    note: str = ""
    sha1: str | None = None
    splits: tuple[str, ...] = ()
    optional: bool = False
    endings: tuple[str, ...] = ()
    instead: str | None = None

    @property
    def place(self) -> Path:
        """The folder, below the root, that what is unpacked lies in."""
        return Path(self.into, *PurePosixPath(self.folder).parts[self.strip :])


@dataclass(frozen=True)
class PlainFile:
    """A file that is read where it is; `name`, `splits`, `optional` and `note` are those of an `Archive`."""

    name: str
    splits: tuple[str, ...] = ()
    optional: bool = False
    note: str = ""


def read_sha1(text: str) -> str:
    """The sum that a user wrote, in small letters. Raises `UserError` for anything but 40 digits."""
    if not SHA1.fullmatch(text.strip().lower()):
        raise UserError(f"{text!r} is no SHA-1: give its 40 digits of 0-9 and a-f")
    return text.strip().lower()


def check_sha1(source: Path, name: str, sha1: str, progress: Progress) -> None:
    """Raise `UserError` unless the file `source`, the archive called `name`, has the sum `sha1`."""
    digest, done, total = hashlib.sha1(usedforsecurity=False), 0, source.stat().st_size
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress("checking the sum", done := done + len(chunk), total, BYTES)
    if digest.hexdigest() != sha1:
        raise UserError(
            f"archive {str(source)!r} has SHA-1 {digest.hexdigest()}, {name} has {sha1}: "
            "fetch it again, or for a copy that was packed anew give --sha1 with its sum, or --no-check"
        )
