"""The files in a zip or tar archive, alike for both; archives that could do harm are refused."""

import stat
import tarfile
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO

from ms_ovs.data.prepare.archive import CHUNK
from ms_ovs.errors import UserError

PLAIN = (0, stat.S_IFREG, stat.S_IFDIR)  # kinds of zip members that are taken; 0 where none is noted
SHOWN = 3  # names that an error gives


@dataclass(frozen=True)
class Member:
    """A file in an archive: where it goes, and its size in bytes."""

    path: PurePosixPath
    size: int
    open: Callable[[], BinaryIO]
    archive: str
    stored_crc: int | None = None  # tar archives hold none

    def chunks(self) -> Iterator[bytes]:
        """The content, piece by piece. Raises `UserError` where the archive is damaged."""
        done = 0
        with _reading(self.archive), self.open() as file:
            while chunk := file.read(CHUNK):
                done += len(chunk)
                yield chunk
            if done != self.size:
                raise EOFError(f"{self.path} has {done} of {self.size} bytes")

    def crc(self) -> int:
        """The CRC-32 of the content: the stored one, or else counted."""
        return crc_of(self.chunks()) if self.stored_crc is None else self.stored_crc


def crc_of(chunks: Iterator[bytes]) -> int:
    """The CRC-32 of all `chunks` one after the other."""
    crc = 0
    for chunk in chunks:
        crc = zlib.crc32(chunk, crc)
    return crc


@contextmanager
def members_of(
    source: Path, folder: str, strip: int = 0, endings: tuple[str, ...] = ()
) -> Iterator[list[Member]]:
    """The files below `folder` (a path, or "" for all) of an archive, readable until the block ends.

    A part "*" of `folder` is any folder. The first `strip` folders are left out of the files' paths.
    With `endings` only files whose names end in one of them count.

    Raises `UserError` for a file that is no archive or a damaged one, for an archive without such files, and
    for one with names that lead elsewhere, links, devices, or a name that stands twice.
    """
    where = f"archive {str(source)!r}"
    with _opened(source, where) as archive:
        with _reading(where):
            found = list((_tar if isinstance(archive, tarfile.TarFile) else _zip)(archive, where))
        top = PurePosixPath(folder).parts
        inside = [
            replace(member, path=PurePosixPath(*member.path.parts[strip:]))
            for member in found
            if len(member.path.parts) > len(top)
            and member.path.name.endswith(endings or "")
            and all(want in ("*", part) for want, part in zip(top, member.path.parts, strict=False))
        ]
        if not inside:
            tops = ", ".join(sorted({member.path.parts[0] for member in found if member.path.parts})[:SHOWN])
            raise UserError(
                f"{where} has no files in a folder {folder!r}, but {tops or 'nothing'}: "
                "give the archive of this data set"
            )
        path, times = Counter(member.path for member in inside).most_common(1)[0]
        if times > 1:
            raise _refusal(where, str(path), "is there twice")
        yield inside


@contextmanager
def _opened(source: Path, where: str) -> Iterator[tarfile.TarFile | zipfile.ZipFile]:
    # a tar may end in a zip, which is_zipfile would find
    if tarfile.is_tarfile(source):
        opener = tarfile.open
    elif zipfile.is_zipfile(source):
        opener = zipfile.ZipFile
    else:
        raise UserError(f"{where} is neither a zip nor a tar, or is cut short: fetch it again")
    with _reading(where):
        archive = opener(source)
    with archive:
        yield archive


@contextmanager
def _reading(where: str) -> Iterator[None]:
    """Turn what the readers of archives raise into a `UserError`."""
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # they raise anything from OSError to struct.error on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{where} is damaged ({reason}): fetch it again") from None


def _zip(archive: zipfile.ZipFile, where: str) -> Iterator[Member]:
    for info in archive.infolist():
        path = _checked(info.filename, where)
        if stat.S_IFMT(info.external_attr >> 16) not in PLAIN:
            raise _refusal(where, info.filename, "is a link or a device")
        if not info.is_dir():
            yield Member(path, info.file_size, partial(archive.open, info), where, info.CRC)


def _tar(archive: tarfile.TarFile, where: str) -> Iterator[Member]:
    for info in archive:
        path = _checked(info.name, where)
        if not info.isfile() and not info.isdir():
            raise _refusal(where, info.name, "is a link or a device")
        if info.isfile():
            yield Member(path, info.size, partial(archive.extractfile, info), where)


def _checked(name: str, where: str) -> PurePosixPath:
    """The path that a member names, if it stays below the folder that it is unpacked to, on any system."""
    path = PurePosixPath(name)
    seen_from_windows = PureWindowsPath(path)  # knows both kinds of slashes, and drives
    if seen_from_windows.anchor or ".." in seen_from_windows.parts or "\0" in name:
        raise _refusal(where, name, "leads out of the folder")
    return path


def _refusal(where: str, name: str, fault: str) -> UserError:
    return UserError(f"{where}: {name!r} {fault}; nothing was unpacked: give the archive of the authors")
