"""Lists of names, and the files they name."""

from collections.abc import Iterable
from pathlib import Path

from ms_ovs.errors import UserError
from ms_ovs.files import write_whole


def check_listed(listed: Iterable[tuple[str, Path]], where: Path, what: str) -> None:
    """Raise `UserError` unless each name of the list `where` has its file, which is the name's `what`."""
    listed = list(listed)
    if gone := [(name, path) for name, path in listed if not path.is_file()]:
        name, path = gone[0]
        raise UserError(
            f"{name!r} of {str(where)!r} has no {what} {path.name} in {path.parent} ({len(gone)} of "
            f"{len(listed)} have none): give the authors' archives, whole"
        )


def write_names(path: Path, names: Iterable[str]) -> None:
    """Write a list of names, one a line."""
    write_whole(path, "".join(f"{name}\n" for name in names))
