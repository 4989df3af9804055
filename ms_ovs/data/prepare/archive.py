"""What is known of an archive before it is opened, and the check that a file is that archive."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ms_ovs.errors import UserError

CHUNK = 2**20  # bytes read at a time
SHA1 = re.compile(r"[0-9a-f]{40}")

Progress = Callable[[str, int, int], None]  # what is being done, bytes done, bytes in all


@dataclass(frozen=True)
class Archive:
    """An archive as its authors offer it.

    - `name`: of the file;
    - `sha1`: 40 hexadecimal digits in small letters, or None where it is not known;
    - `folder`: the folder in it that holds the data set;
    - `counts`: pairs of image and label map in every split.
    """

    name: str
    sha1: str | None
    folder: str
    counts: Mapping[str, int]


def read_sha1(text: str) -> str:
    """The sum that a user wrote, in small letters. Raises `UserError` for anything but 40 digits."""
    if not SHA1.fullmatch(text.strip().lower()):
        raise UserError(f"{text!r} is no SHA-1: give its 40 digits of 0-9 and a-f")
    return text.strip().lower()


def check_sha1(source: Path, archive: Archive, progress: Progress) -> None:
    """Raise `UserError` unless the file `source` has the sum of `archive`, where that is known."""
    if archive.sha1 is None:
        return
    digest, done, total = hashlib.sha1(usedforsecurity=False), 0, source.stat().st_size
    with source.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            progress("checking the sum", done := done + len(chunk), total)
    if digest.hexdigest() != archive.sha1:
        raise UserError(
            f"archive {str(source)!r} has SHA-1 {digest.hexdigest()}, {archive.name} has {archive.sha1}: "
            "fetch it again, or for a copy that was packed anew give --sha1 with its sum, or --no-check"
        )
