"""The data sets that can be prepared, and the way from an archive to a data set that is whole."""

from dataclasses import dataclass, replace
from pathlib import Path

from ms_ovs.data.folders import FolderDataset, preset
from ms_ovs.data.prepare.ade20k import ADE20K_150
from ms_ovs.data.prepare.archive import Archive, Progress, check_sha1, read_sha1
from ms_ovs.data.prepare.unpack import Unpacked, unpack
from ms_ovs.errors import UserError

DATASETS: dict[str, Archive] = {"ade20k_150": ADE20K_150}  # the names are those of ms_ovs.data.folders


@dataclass(frozen=True)
class Prepared:
    """A data set that was found whole: its folder, pairs in every split, and what was done for it."""

    folder: Path
    counts: dict[str, int]
    files: Unpacked


def prepare(
    name: str,
    archive: Archive,
    source: str | Path,
    root: str | Path,
    *,
    sha1: str | None = None,
    check: bool = True,
    progress: Progress | None = None,
) -> Prepared:
    """Unpack the file `source`, which is `archive`, below the folder `root`, and count the data set `name`.

    Its SHA-1 must be that of the archive, or `sha1` if given; with `check` False any will do. A call that was
    interrupted can be made again and goes on. Raises `UserError` for another sum, archives and disks that
    `unpack` refuses, and pairs that are missing, too many, or break the rule of the ids.
    """
    if sha1 is not None and not check:
        raise UserError("--sha1 and --no-check exclude each other: leave one out")
    if sha1 is not None:
        archive = replace(archive, sha1=read_sha1(sha1))
    source, root, told = Path(source), Path(root), progress or (lambda stage, done, total: None)
    if not source.is_file():
        raise UserError(
            f"archive {str(source)!r} does not exist: fetch {archive.name} from the data set's page "
            "and give its path"
        )
    if root.exists() and not root.is_dir():
        raise UserError(f"{str(root)!r} is no folder: name the folder to unpack into")
    if check:
        check_sha1(source, archive, told)
    files = unpack(source, root, archive.folder, told)
    told("counting", 0, 0)
    return Prepared(root / archive.folder, _counted(name, archive, root / archive.folder), files)


def locate(name: str, root: str | Path) -> Path:
    """Where the data set `name` lies: in `root` itself, or in its own folder below, as `prepare` puts it."""
    below = Path(root) / DATASETS[name].folder if name in DATASETS else None
    return below if below and below.is_dir() else Path(root)


def _counted(name: str, archive: Archive, folder: Path) -> dict[str, int]:
    """Pairs in every split. Opening them also sees that they pair up and holds a sample against the ids."""
    try:
        counts = {split: len(FolderDataset(preset(name, folder, split))) for split in archive.counts}
    except UserError as error:
        raise UserError(f"{name} is not whole after unpacking: {error}") from None
    for split, count in counts.items():
        if count != archive.counts[split]:
            raise UserError(
                f"{str(folder)!r} has {count} pairs for {split}, {name} has {archive.counts[split]}: "
                f"remove what else lies there, or give the {archive.name} of the authors"
            )
    return counts
