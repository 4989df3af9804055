"""Unpacking that can be interrupted: files that are there already are kept, the others are written."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ms_ovs.data.prepare.archive import BYTES, CHUNK, Progress
from ms_ovs.data.prepare.members import Member, crc_of, members_of
from ms_ovs.errors import UserError

BLOCK = 4096  # bytes; what a file takes on most disks is a multiple
GB = 10**9


@dataclass(frozen=True)
class Parcel:
    """What is to be unpacked: the files below `folder` of the archive `source`, to go below `target`.

    The first `strip` folders of their paths are left out; `endings` are those of the names, empty for all.
    """

    source: Path
    folder: str
    target: Path
    strip: int = 0
    endings: tuple[str, ...] = ()


@dataclass(frozen=True)
class Unpacked:
    """How many files were written, and how many were there."""

    written: int
    kept: int

    def __add__(self, other: "Unpacked") -> "Unpacked":
        return Unpacked(self.written + other.written, self.kept + other.kept)


def unpack(parcels: Sequence[Parcel], root: Path, progress: Progress, *, more: int = 0) -> Unpacked:
    """Put the files of all `parcels` (zip or tar) into their folders, which are `root` or below it.

    Files of the right size and CRC-32 are kept; others are written, each whole or not at all, so that an
    interrupted call can be made again. Files that are not in the archives are left alone. Before the first
    one is written there must be room for all, and for `more` bytes that are made of them later. Raises
    `UserError` for archives that `members_of` refuses, and for a disk that is too small or read-only.
    """
    progress("reading the list of files", 0, 0, BYTES)
    with ExitStack() as stack, writing_below(root):
        lists = [
            (stack.enter_context(members_of(p.source, p.folder, p.strip, p.endings)), p.target)
            for p in parcels
        ]
        missing = [(member, folder / member.path) for member, folder in _missing(lists, progress)]
        check_space(sum(_on_disk(member) for member, _ in missing) + (more if missing else 0), root)
        _write(missing, progress)
    return Unpacked(len(missing), sum(len(members) for members, _ in lists) - len(missing))


@contextmanager
def writing_below(root: Path) -> Iterator[None]:
    """Turn an `OSError` of the block into a `UserError`."""
    try:
        yield
    except OSError as error:
        place = f": {error.filename}" if error.filename else ""
        raise UserError(
            f"folder {str(root)!r} cannot be written to ({error.strerror}{place}): "
            "mend that and run again; what is there is kept"
        ) from None


def check_space(needed: int, root: Path) -> None:
    """Raise `UserError` if the disk that `root` is or will be on has less than `needed` bytes."""
    place = next(folder for folder in (root.absolute(), *root.absolute().parents) if folder.exists())
    if needed > (free := shutil.disk_usage(place).free):
        raise UserError(
            f"the disk of {str(root)!r} has {free / GB:.2f} GB free, the files need {needed / GB:.2f} GB: "
            "make room or name another folder"
        )


def _missing(lists: Sequence[tuple[Sequence[Member], Path]], progress: Progress) -> list[tuple[Member, Path]]:
    """Those that are not in their folder as they should be."""
    done, missing = 0, []
    total = sum(member.size for members, _ in lists for member in members)
    for members, folder in lists:
        for member in members:
            path = folder / member.path
            kept = (
                path.is_file() and path.stat().st_size == member.size and crc_of(_read(path)) == member.crc()
            )
            if not kept:
                missing.append((member, folder))
            progress("checking what is there", done := done + member.size, total, BYTES)
    return missing


def _read(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk


def _on_disk(member: Member) -> int:
    return -(-member.size // BLOCK) * BLOCK


def _write(members: Sequence[tuple[Member, Path]], progress: Progress) -> None:
    done, total = 0, sum(member.size for member, _ in members)
    for member, path in members:
        path.parent.mkdir(parents=True, exist_ok=True)
        _write_whole(member, path)
        progress("unpacking", done := done + member.size, total, BYTES)
    if members and hasattr(os, "sync"):
        progress("waiting for the disk", 0, 0, BYTES)
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
