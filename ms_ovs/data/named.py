"""Data sets by a name with a folder, or by a file of settings."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ms_ovs.config import Settings, load, save
from ms_ovs.data import layouts
from ms_ovs.data.check import Episodes, Folders, Panoptics, Source
from ms_ovs.data.fewshot import FEW_SHOT, FSS_PARTS, SPLITS, FewShotSettings, open_fewshot
from ms_ovs.data.folders import FolderDataset, FolderSettings
from ms_ovs.data.panoptic import PanopticDataset, PanopticSettings
from ms_ovs.errors import UserError, choose

NAMES = (*layouts.LAYOUTS[layouts.OWN], *FEW_SHOT)
SUFFIXES = (".yaml", ".yml")

MapSettings = FolderSettings | PanopticSettings  # of pairs of image and map


class Described(Settings):
    """A data set in the layout of another project: where its splits lie."""

    training: MapSettings | None = None
    validation: MapSettings | None = None


def settings_of(name: str, root: str | Path, split: str) -> MapSettings:
    """The settings of a split of the data set `name`, as it was prepared below `root`.

    ROOT/NAME.yaml tells where a tree of another project lies; without that file it is the own layout. Raises
    `UserError` for other names and splits.
    """
    path = Path(root) / f"{name}.yaml"
    if not path.is_file():
        return layouts.preset(name, root, split)
    settings = getattr(load(path, Described), choose("split", split, layouts.SPLITS))
    if settings is None:
        raise UserError(f"{str(path)!r} tells of no {split} part: prepare it too, or name another split")
    return settings


def settings_for(
    data: str,
    *,
    root: str | Path | None = None,
    split: str = "validation",
    splits: str | Path | None = None,
    fold: int | None = None,
) -> MapSettings | FewShotSettings:
    """The settings of a data set: of a `split` below `root` if `data` is a name, or of a YAML file.

    `fold` and the folder `splits` of HSNet's split files are for few-shot sets, whose part is for the reader
    to choose. Raises `UserError` for names, options and files that will not do.
    """
    if data not in NAMES:
        _check_file(data)
        _forbid(data, root=root, splits=splits)
        settings = load_settings(data, fold)
        if not isinstance(settings, FewShotSettings):
            _forbid(data, fold=fold)
        return settings
    if root is None:
        raise UserError(f"{data} lies nowhere yet: give --root, its folder")
    if data in FEW_SHOT:
        return _few_shot_settings(data, root, splits, fold)
    _forbid(data, splits=splits, fold=fold)
    return settings_of(data, root, split)


def describe(
    name: str, tree: str | Path, root: str | Path, layout: str, splits: Sequence[str]
) -> dict[str, int]:
    """Write ROOT/NAME.yaml for a `tree` in the layout of another project, and count the pairs of each split.

    Nothing is copied. Raises `UserError` for a tree that is not whole: then nothing is written.
    """
    found = {split: layouts.preset(name, Path(tree).absolute(), split, layout) for split in splits}
    counts = {split: len(open_maps(settings)) for split, settings in found.items()}
    save(Described(**found), Path(root) / f"{name}.yaml")
    return counts


def open_maps(settings: MapSettings) -> FolderDataset | PanopticDataset:
    """The data set of the settings. Raises what its class raises."""
    return PanopticDataset(settings) if isinstance(settings, PanopticSettings) else FolderDataset(settings)


def sources(
    data: str,
    *,
    root: str | Path | None = None,
    split: str | None = None,
    splits: str | Path | None = None,
    fold: int | None = None,
) -> dict[str, Source]:
    """What there is to check of `data`, by what to call it; without `split` every split that it has.

    `data` is a name, then `root` is the folder and `splits` that of HSNet's split files if they lie
    elsewhere; or a YAML file of `FolderSettings`, `PanopticSettings` or `FewShotSettings`. `fold` goes before
    that of a file. Raises `UserError` for unknown names, options that are missing or have no meaning here,
    and what the sets refuse.
    """
    if data in NAMES and data not in FEW_SHOT:
        options = {"root": root, "splits": splits, "fold": fold}
        return {
            f"{data} {part}": _maps(settings_for(data, split=part, **options))
            for part in _wanted(split, layouts.SPLITS)
        }
    settings = settings_for(data, root=root, splits=splits, fold=fold)
    if isinstance(settings, FewShotSettings):
        return _few_shot(settings, data, split)
    _forbid(data, split=split)
    return {data: _maps(settings)}


def load_settings(path: str | Path, fold: int | None = None) -> MapSettings | FewShotSettings:
    """The settings of a data set that a YAML file describes.

    One that says `few_shot` is a few-shot set, one that says `panoptic_json` has panoptic maps. `fold` goes
    before that of a few-shot set. Other sets have none: there it is for the caller to refuse. Raises
    `UserError` for files, keys and values that will not do.
    """
    settings = load(path, _kind)
    if fold is not None and isinstance(settings, FewShotSettings):
        return settings.model_copy(update={"fold": fold})
    return settings


def _few_shot_settings(
    name: str, root: str | Path, splits: str | Path | None, fold: int | None
) -> FewShotSettings:
    return FewShotSettings(
        few_shot=name, root=str(root), splits=None if splits is None else str(splits), fold=fold
    )


def _kind(said: Mapping[str, Any]) -> type[MapSettings] | type[FewShotSettings]:
    if "few_shot" in said:
        return FewShotSettings
    return PanopticSettings if "panoptic_json" in said else FolderSettings


def _maps(settings: MapSettings) -> Source:
    return Panoptics.of(settings) if isinstance(settings, PanopticSettings) else Folders.of(settings)


def _few_shot(settings: FewShotSettings, name: str, split: str | None) -> dict[str, Source]:
    choose("few-shot set", settings.few_shot, FEW_SHOT)
    known = tuple(FSS_PARTS) if settings.few_shot == "fss1000" else SPLITS
    label = name if settings.fold is None else f"{name} fold {settings.fold}"
    return {f"{label} {part}": Episodes(open_fewshot(settings, part)) for part in _wanted(split, known)}


def _wanted(split: str | None, known: Sequence[str]) -> Sequence[str]:
    return known if split is None else [choose("split", split, known)]


def _check_file(data: str) -> None:
    """Raise `UserError` unless `data` can be meant as a file."""
    if Path(data).is_dir():
        raise UserError(f"{data!r} is a folder: name the data set and give it as --root {data}")
    if not data.endswith(SUFFIXES) and not Path(data).exists():
        choose("data set", data, (*NAMES, "a YAML file"))


def _forbid(data: str, **options: object) -> None:
    for option, value in options.items():
        if value is not None:
            raise UserError(f"--{option} {value} has no meaning for {data}: leave it out")
