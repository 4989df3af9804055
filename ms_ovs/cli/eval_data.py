"""The data sets that `ms-ovs eval --data` names."""

from pathlib import Path
from typing import Any, NamedTuple

SPLIT = "validation"


class Opened(NamedTuple):
    """A `FolderDataset`, what reports call it, and its folder of images.

    `unseen` are the classes that training had no labels for, `seen` those to compare them with, if known.
    """

    data: Any
    name: str
    image_dir: str
    unseen: tuple[int, ...] = ()
    seen: tuple[int, ...] | None = None


class OpenedEpisodes(NamedTuple):
    """A `FewShotDataset`, what reports call it, and which set and fold it is."""

    data: Any
    name: str
    few_shot: str
    fold: int | None


class OpenedPanoptic(NamedTuple):
    """A `PanopticDataset`, and what reports call it."""

    data: Any
    name: str


def open_data(
    data: str,
    *,
    root: Path | None = None,
    split: str | None = None,
    splits: Path | None = None,
    fold: int | None = None,
) -> Opened | OpenedEpisodes | OpenedPanoptic:
    """The data set of a name below `root`, of a YAML file of settings, or the validation part of a folder.

    `split` is the part, validation (of a few-shot set: test) if not given; `fold` goes before that of a file,
    `splits` is the folder of a few-shot set's split files. Raises `UserError` for what has no meaning for the
    data set, and for what its reader refuses.
    """
    from ms_ovs.data import named
    from ms_ovs.data.fewshot import FewShotSettings, open_fewshot
    from ms_ovs.errors import UserError

    if data not in named.NAMES and Path(data).is_dir():
        if fold is not None:
            raise UserError(f"--fold {fold}: {data} is no few-shot set: leave the fold out")
        return _open_folder(Path(data))
    settings = named.settings_for(data, root=root, split=split or SPLIT, splits=splits, fold=fold)
    name = data if root is None else f"{data} in {root}"
    if isinstance(settings, FewShotSettings):
        few_shot = open_fewshot(settings, split) if split else open_fewshot(settings)
        return OpenedEpisodes(few_shot, name, settings.few_shot, settings.fold)
    opened = _opened(settings, f"{name} ({split or SPLIT})" if root else name)
    return _divided(opened, root) if data == "shapes" and split in (None, SPLIT) else opened


def _opened(settings, name: str) -> Opened | OpenedPanoptic:
    from ms_ovs.data.named import open_maps
    from ms_ovs.data.panoptic import PanopticSettings

    data = open_maps(settings)
    if isinstance(settings, PanopticSettings):
        return OpenedPanoptic(data, name)
    return Opened(data, name, settings.image_dir)


def _open_folder(place: Path) -> Opened:
    from ms_ovs.data import shapes
    from ms_ovs.data.layouts import preset

    name = "shapes" if (place / shapes.MARKER).exists() else "ade20k_150"
    opened = _opened(preset(name, place, SPLIT), f"{place} ({name}, {SPLIT})")
    return _divided(opened, place) if name == "shapes" else opened


def _divided(opened: Opened, place: Path) -> Opened:
    """The validation part of the embedded benchmark, with the classes that training saw labelled."""
    from ms_ovs.data import shapes

    known = shapes.describe(place)
    return opened._replace(unseen=known.unseen, seen=known.seen)
