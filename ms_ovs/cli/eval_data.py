"""The data sets that `ms-ovs eval --data` names."""

from pathlib import Path
from typing import Any, NamedTuple

SPLIT = "validation"


class Opened(NamedTuple):
    """A `FolderDataset`, what reports call it, and which classes training saw labelled, if known."""

    data: Any
    name: str
    unseen: tuple[int, ...] = ()
    seen: tuple[int, ...] | None = None


class OpenedEpisodes(NamedTuple):
    """A `FewShotDataset`, what reports call it, and which set and fold it is."""

    data: Any
    name: str
    few_shot: str
    fold: int | None


def open_data(place: Path, fold: int | None = None) -> Opened | OpenedEpisodes:
    """The data set of a file of `FolderSettings` or `FewShotSettings`, or the validation part of a folder.

    `fold` goes before that of the file. Raises `UserError` for a fold of what is no few-shot set.
    """
    from ms_ovs.config import load
    from ms_ovs.data.fewshot import FewShotSettings, open_fewshot
    from ms_ovs.data.folders import FolderDataset, FolderSettings
    from ms_ovs.errors import UserError

    settings = None
    if not place.is_dir():
        settings = load(place, lambda said: FewShotSettings if "few_shot" in said else FolderSettings)
    if isinstance(settings, FewShotSettings):
        if fold is not None:
            settings = settings.model_copy(update={"fold": fold})
        return OpenedEpisodes(open_fewshot(settings), str(place), settings.few_shot, settings.fold)
    if fold is not None:
        raise UserError(f"--fold {fold}: {place} is no few-shot set: leave the fold out")
    return _open_folder(place) if settings is None else Opened(FolderDataset(settings), str(place))


def _open_folder(place: Path) -> Opened:
    from ms_ovs.data import shapes
    from ms_ovs.data.folders import FolderDataset, preset

    name = "shapes" if (place / shapes.MARKER).exists() else "ade20k_150"
    opened = Opened(FolderDataset(preset(name, place, SPLIT)), f"{place} ({name}, {SPLIT})")
    if name != "shapes":
        return opened
    known = shapes.describe(place)
    return opened._replace(unseen=known.unseen, seen=known.seen)
