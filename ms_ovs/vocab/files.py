"""The cache folder, and reading the short text files a user hands over."""

import os
from pathlib import Path

from platformdirs import user_cache_dir

from ms_ovs.errors import UserError

TEXT_LIMIT = 16 * 2**20  # bytes; a label or template list is kilobytes


def cache_folder() -> Path:
    """The folder for what can be made again: `MS_OVS_CACHE` if set, else the platform's user cache."""
    return Path(os.environ.get("MS_OVS_CACHE") or user_cache_dir("ms_ovs"))


def read_lines(path: Path, what: str) -> list[str]:
    """The lines of a UTF-8 text file, outer blanks removed; blank lines at the end are left out.

    `what` names the file's role in an error ("label file"). Raises `UserError` when the file is missing,
    a folder, not readable, larger than 16 MiB or not UTF-8.
    """
    try:
        with path.open("rb") as file:
            data = file.read(TEXT_LIMIT + 1)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(f"{what} {str(path)!r}: {reason}; give the path of a UTF-8 text file") from None
    if len(data) > TEXT_LIMIT:
        raise UserError(f"{what} {str(path)!r} is larger than 16 MiB: give a text file with one entry a line")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(
            f"{what} {str(path)!r} is not UTF-8 (byte {error.start}): save it as UTF-8 text"
        ) from None
    return [line.strip() for line in text.rstrip().split("\n")] if text.strip() else []
