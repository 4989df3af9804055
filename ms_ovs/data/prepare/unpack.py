"""Unpacking that can be interrupted: files that are there already are kept, the others are written."""

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from ms_ovs.data.prepare.archive import CHUNK, Progress
from ms_ovs.data.prepare.members import Member, crc_of, members_of
from ms_ovs.errors import UserError

BLOCK = 4096  # bytes; what a file takes on most disks is a multiple
GB = 10**9


@dataclass(frozen=True)
class Unpacked:
    """How many files were written, and how many were there."""

    written: int
    kept: int


def unpack(source: Path, root: Path, folder: str, progress: Progress) -> Unpacked:
    """Put the files below `folder` of the archive `source` (zip or tar) below the folder `root`.

    Files of the right size and CRC-32 are kept; others are written, each whole or not at all, so that an
    interrupted call can be made again. Files that are not in the archive are left alone. Raises `UserError`
    for archives that `members_of` refuses, and for a disk that is too small or cannot be written to.
    """
    progress("reading the list of files", 0, 0)
    with members_of(source, folder) as members:
        try:
            missing = _missing(members, root, progress)
            _check_space(missing, root)
            _write(missing, root, progress)
        except OSError as error:
            place = f": {error.filename}" if error.filename else ""
            raise UserError(
                f"folder {str(root)!r} cannot be written to ({error.strerror}{place}): "
                "mend that and run again; what is there is kept"
            ) from None
    return Unpacked(len(missing), len(members) - len(missing))


def _missing(members: Sequence[Member], root: Path, progress: Progress) -> list[Member]:
    """Those that are not below `root` as they should be."""
    done, total, missing = 0, sum(member.size for member in members), []
    for member in members:
        path = root / member.path
        kept = path.is_file() and path.stat().st_size == member.size and crc_of(_read(path)) == member.crc()
        if not kept:
            missing.append(member)
        progress("checking what is there", done := done + member.size, total)
    return missing


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _check_space(members: Sequence[Member], root: Path) -> None:
    needed = sum(-(-member.size // BLOCK) * BLOCK for member in members)
    place = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if needed > (free := shutil.disk_usage(place).free):
        raise UserError(
            f"the disk of {str(root)!r} has {free / GB:.2f} GB free, the files need {needed / GB:.2f} GB: "
            "make room or name another folder"
        )


def _write(members: Sequence[Member], root: Path, progress: Progress) -> None:
    done, total = 0, sum(member.size for member in members)
    for member in members:
        path = root / member.path
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(member, path)
        progress("unpacking", done := done + member.size, total)
    if members and hasattr(os, "sync"):
        progress("waiting for the disk", 0, 0)
        os.sync()  # once: for each of 44 thousand files it takes minutes


def _write_whole(member: Member, path: Path) -> None:
    # one name for the file in the making, so that the next run writes over what a killed one left
    partial = path.with_name(f".{path.name}.partial")
    try:
        with partial.open("wb") as file:
            for chunk in member.chunks():
                file.write(chunk)
        os.replace(partial, path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise
