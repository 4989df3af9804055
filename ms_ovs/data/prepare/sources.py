"""Finding the archives of a data set among the files and folders that a user gives."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ms_ovs.data.prepare.archive import Archive, PlainFile
from ms_ovs.errors import UserError

ENDINGS = (".tar.gz", ".tar.bz2", ".tgz", ".tar", ".zip")


def find_sources(
    wanted: Sequence[Archive | PlainFile], given: Sequence[Path], root: Path, what: str
) -> Mapping[str, Path]:
    """The files of the names in `wanted`, by these names; folders in `given` are searched for them.

    A copy packed in another way, or with its letters in another case, is taken too, and a lone file for a
    lone archive whatever it is called. Left out are optional ones, those whose folder is already below
    `root`, and those that another one stands in for. Raises `UserError` for a path that does not exist and,
    naming all of them, for what is missing.
    """
    names = tuple(dict.fromkeys(source.name for source in wanted))
    for path in given:
        if not path.exists():
            raise UserError(
                f"archive {str(path)!r} does not exist: fetch {' and '.join(names)} from the data set's page "
                "and give the path"
            )
    files = [file for path in given for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    if len(names) == len(given) == 1 and given[0].is_file():
        return {names[0]: given[0]}
    by_stem = {_stem(file.name): file for file in files if file.is_file()}
    found = {name: by_stem[_stem(name)] for name in names if _stem(name) in by_stem}
    there = [source for source in wanted if source.name in found or _is_there(source, root)]
    replaced = {source.instead for source in there if isinstance(source, Archive)}
    missing = [
        source.name + (f" ({source.note})" if source.note else "")
        for source in wanted
        if source not in there and not source.optional and source.name not in replaced
    ]
    if missing:
        met = ", ".join(file.name for file in files[:5]) or "nothing"
        raise UserError(
            f"{what} needs {' and '.join(dict.fromkeys(missing))}, which --source does not hold ({met}): "
            "fetch what is missing and give its path, or a folder with all of them"
        )
    return found


def _stem(name: str) -> str:
    low = name.lower()
    return low.removesuffix(next((ending for ending in ENDINGS if low.endswith(ending)), ""))


def _is_there(source: Archive | PlainFile, root: Path) -> bool:
    """Whether an archive was unpacked before, with this data set or another one that shares it."""
    return isinstance(source, Archive) and bool(source.folder) and (root / source.place).is_dir()
