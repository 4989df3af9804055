"""CLIP's merges file: where it is found, how it is installed, how it is read.

The file (`bpe_simple_vocab_16e6.txt.gz`, 1.4 MB) is not ours to ship. It lies in the wheels of
`open_clip_torch` and `clip-anytorch`, and whichever copy is found is checked against its SHA-256.
"""

import gzip
import hashlib
import importlib.util
import io
import os
import subprocess
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

from ms_ovs.errors import UserError
from ms_ovs.files import write_whole
from ms_ovs.vocab.files import cache_folder

FILE = "bpe_simple_vocab_16e6.txt.gz"
DISTRIBUTION = "open_clip_torch"
PACKAGES = ("open_clip", "clip")
PACKED_SHA256 = "924691ac288e54409236115652ad4aa250f48203de50a9e4722a6ecd48d6804a"
TEXT_SHA256 = "67603cfda2e032ad77b5f8808af37789d590db664b26df8705d2bf8b3c553fc8"
MERGES = 48894  # lines 2 to 48895; the rest of the file is not used by CLIP
SIZE_LIMIT = 8 * 2**20  # bytes; the unpacked text has 3.2 million


def find_merges(path: str | Path | None = None) -> Path:
    """The merges file, its content checked.

    Searched in this order: `path`; the path in the environment variable `MS_OVS_MERGES`; the cache
    folder; an installed `open_clip` or `clip` package (which is not imported). The first that is
    there counts. Raises `UserError` when none is, or when the file found is another one.
    """
    given = path or os.environ.get("MS_OVS_MERGES")
    if given:
        found = Path(given)
    else:
        places = [_cached(), *map(_in_package, PACKAGES)]
        found = next((place for place in places if place is not None and place.is_file()), None)
    if found is None:
        raise UserError(
            f"CLIP's vocabulary ({FILE}) is not on this machine: run `ms-ovs vocab install`, "
            "or name the file in MS_OVS_MERGES"
        )
    _check(_read(found), found)
    return found


def read_merges(path: Path) -> list[tuple[str, str]]:
    """The 48894 merges of a file from `find_merges`, most frequent first."""
    lines = _unpack(_read(path), path).decode("utf-8").split("\n")
    return [tuple(line.split(" ")) for line in lines[1 : 1 + MERGES]]


def install(source: str | Path | None = None) -> Path:
    """Put the merges file into the cache folder and return its path there.

    `source` is the file itself (packed or not) or a wheel or zip that holds it; without it the wheel of
    `open_clip_torch` is fetched by the pip of the running Python, so the user's own mirrors serve.
    Raises `UserError` when pip fails, or when what came is not the file.
    """
    if source is not None:
        data = _from_local(Path(source))
    else:
        with tempfile.TemporaryDirectory() as folder:
            data = _from_local(_download(Path(folder)))
    target = _cached()
    try:
        write_whole(target, data)
    except OSError as error:
        raise UserError(
            f"cannot write {str(target)!r} ({error.strerror}): name another folder in MS_OVS_CACHE"
        ) from None
    return target


def _cached() -> Path:
    return cache_folder() / FILE


def _in_package(name: str) -> Path | None:
    spec = importlib.util.find_spec(name)  # of a top-level package: nothing is imported
    folders = spec.submodule_search_locations if spec else None
    return next((Path(folder) / FILE for folder in folders or ()), None)


def _download(folder: Path) -> Path:
    # --no-deps keeps torch away; a wheel, because the build script of a source archive would be run
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    ended = subprocess.run(
        [*command, "--dest", str(folder), DISTRIBUTION], capture_output=True, text=True, errors="replace"
    )
    wheel = next(folder.glob("*.whl"), None)
    if ended.returncode or wheel is None:
        complaints = (ended.stderr or ended.stdout).strip().splitlines()
        errors = [line for line in complaints if line.startswith("ERROR")] or complaints or ["no message"]
        raise UserError(
            f"pip could not download {DISTRIBUTION} ({errors[-1].removeprefix('ERROR:').strip()}): "
            f"check pip's index, or fetch {FILE} elsewhere and run `ms-ovs vocab install --from FILE`"
        )
    return wheel


def _from_local(path: Path) -> bytes:
    """The packed merges file out of `path`, checked."""
    if zipfile.is_zipfile(path):
        try:
            with zipfile.ZipFile(path) as archive:
                names = [name for name in archive.namelist() if name.split("/")[-1] == FILE]
                if not names:
                    raise UserError(f"{path.name!r} does not hold {FILE}: give a wheel of {DISTRIBUTION}")
                with archive.open(names[0]) as member:
                    data = member.read(SIZE_LIMIT)
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
            raise UserError(f"{str(path)!r} is a damaged archive ({error}): fetch it again") from None
    else:
        data = _read(path)
    _check(data, path)
    return data if _is_gzip(data) else gzip.compress(data, mtime=0)


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(SIZE_LIMIT)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"CLIP's vocabulary {str(path)!r}: {reason}; give the path of {FILE}") from None


def _is_gzip(data: bytes) -> bool:
    return data[:2] == b"\x1f\x8b"


def _unpack(data: bytes, path: Path) -> bytes:
    """The text of the file, packed or not; a bomb is cut off at the limit and fails the check."""
    if not _is_gzip(data):
        return data
    try:
        with gzip.open(io.BytesIO(data)) as file:
            return file.read(SIZE_LIMIT)
    except (OSError, EOFError, zlib.error) as error:
        raise UserError(f"{str(path)!r} is damaged ({error}): run `ms-ovs vocab install`") from None


def _check(data: bytes, path: Path) -> None:
    """Raise `UserError` unless `data` is the file, in its usual packing or any other, or unpacked."""
    if hashlib.sha256(data).hexdigest() == PACKED_SHA256:
        return
    met = hashlib.sha256(_unpack(data, path)).hexdigest()
    if met != TEXT_SHA256:
        raise UserError(
            f"{str(path)!r} is not CLIP's vocabulary (SHA-256 of its text {met[:12]}…, expected "
            f"{TEXT_SHA256[:12]}…): run `ms-ovs vocab install`, or give the right file"
        )
