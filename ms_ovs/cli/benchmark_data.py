"""The data sets that `ms-ovs benchmark --sets` names."""

from pathlib import Path
from typing import Any, NamedTuple

from ms_ovs.cli.eval_data import SPLIT, Opened, open_data

SHORT = {
    "a847": "ade20k_847",
    "pc459": "pascal_context_459",
    "a150": "ade20k_150",
    "pc59": "pascal_context_59",
    "pas20": "voc_20",
}
SHAPES = "shapes"


class Found(NamedTuple):
    """A data set that is there, and the SHA-256 that tells its files from others."""

    opened: Opened
    fingerprint: str


def names_of(sets: str) -> list[str]:
    """The data sets of a string such as "a847,voc_20". Raises `UserError` for those that cannot be scored."""
    from ms_ovs.data.named import NAMES
    from ms_ovs.errors import UserError, choose

    names = []
    for text in sets.split(","):
        name = choose("data set", text.strip(), (*SHORT, *NAMES))
        names.append(SHORT.get(name, name))
    for name in names:
        if not _has_maps(name):
            raise UserError(f"{name} is not of images and maps of classes: score it by ms-ovs eval")
    return list(dict.fromkeys(names))


def find(names: list[str], root: Path) -> tuple[dict[str, Found], dict[str, str]]:
    """The sets that are below `root`, and why the others are absent.

    Raises `UserError` for sets that are there and have faults, and where not one is there.
    """
    from ms_ovs.data.fingerprint import fingerprint
    from ms_ovs.data.named import settings_of
    from ms_ovs.errors import UserError

    found, absent = {}, {}
    for name in names:
        place = _place(name, root)
        settings = place and settings_of(name, place, SPLIT)
        if gap := _gap(name, settings, root):
            absent[name] = gap
            continue
        opened = open_data(name, root=place)
        found[name] = Found(opened, fingerprint(settings, opened.data))
    if not found:
        name, gap = next(iter(absent.items()))
        raise UserError(
            f"none of the {len(names)} data sets is in {root} ({name}: {gap}): "
            "prepare them there with ms-ovs data prepare"
        )
    return found, absent


def _has_maps(name: str) -> bool:
    from ms_ovs.data.layouts import LAYOUTS, OWN, Maps

    return name == SHAPES or isinstance(LAYOUTS[OWN].get(name), Maps)


def _place(name: str, root: Path) -> Path | None:
    """The folder to open a set in, None where it cannot be: that of the shapes is the set itself."""
    from ms_ovs.data.shapes import MARKER

    if name != SHAPES:
        return None if (root / MARKER).exists() else root
    return next((place for place in (root, root / SHAPES) if (place / MARKER).exists()), None)


def _gap(name: str, settings: Any, root: Path) -> str | None:
    """What a set lacks, if it is not there."""
    if settings is None:
        return f"no shapes are in {root / SHAPES}" if name == SHAPES else f"{root} is a folder of shapes"
    places = (settings.image_dir, settings.label_dir, settings.names)
    return next((f"{place} does not exist" for place in places if place and not Path(place).exists()), None)
