"""Data sets for a check, by a name with a folder, or by a file of settings."""

from collections.abc import Sequence
from pathlib import Path

from ms_ovs.config import Settings, load
from ms_ovs.data import folders
from ms_ovs.data.check import Episodes, Folders, Source
from ms_ovs.data.fewshot import FEW_SHOT, FSS_PARTS, SPLITS, FewShotSettings, open_fewshot
from ms_ovs.data.folders import FolderSettings, preset
from ms_ovs.data.prepare.datasets import locate
from ms_ovs.errors import UserError, choose

NAMES = (*folders.PRESETS, *FEW_SHOT)
SUFFIXES = (".yaml", ".yml")


def sources(
    data: str,
    *,
    root: str | Path | None = None,
    split: str | None = None,
    splits: str | Path | None = None,
    fold: int | None = None,
) -> dict[str, Source]:
    """What there is to check of `data`, by what to call it; without `split` every split that it has.

    `data` is a name, then `root` is the folder and `splits` that of HSNet's split files; or a YAML file of
    `FolderSettings` or `FewShotSettings`. `fold` goes before that of a file. Raises `UserError` for unknown
    names, options that are missing or have no meaning here, and what the sets refuse.
    """
    if data not in NAMES:
        _check_file(data)
        _forbid(data, root=root, splits=splits)
        settings = load(data, _schema)
        if isinstance(settings, FewShotSettings):
            if fold is not None:
                settings = settings.model_copy(update={"fold": fold})
            return _few_shot(settings, data, split)
        _forbid(data, split=split, fold=fold)
        return {data: Folders.of(settings)}
    if root is None or (data in FEW_SHOT and splits is None):
        wanted = "--root and --splits, HSNet's split files" if data in FEW_SHOT else "--root, its folder"
        raise UserError(f"{data} lies nowhere yet: give {wanted}")
    if data in FEW_SHOT:
        settings = FewShotSettings(few_shot=data, root=str(root), splits=str(splits), fold=fold)
        return _few_shot(settings, data, split)
    _forbid(data, splits=splits, fold=fold)
    place = locate(data, root)
    return {
        f"{data} {part}": Folders.of(preset(data, place, part)) for part in _wanted(split, folders.SPLITS)
    }


def _few_shot(settings: FewShotSettings, name: str, split: str | None) -> dict[str, Source]:
    choose("few-shot set", settings.few_shot, FEW_SHOT)
    known = tuple(FSS_PARTS) if settings.few_shot == "fss1000" else SPLITS
    label = name if settings.fold is None else f"{name} fold {settings.fold}"
    return {f"{label} {part}": Episodes(open_fewshot(settings, part)) for part in _wanted(split, known)}


def _wanted(split: str | None, known: Sequence[str]) -> Sequence[str]:
    return known if split is None else [choose("split", split, known)]


def _schema(values: dict) -> type[Settings]:
    return FewShotSettings if "few_shot" in values else FolderSettings


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
