"""A data set of photographs and their panoptic maps in COCO's format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ms_ovs.config import Settings
from ms_ovs.data.coco_panoptic import Category, ImageId, PanopticFiles
from ms_ovs.data.folders import find_files
from ms_ovs.data.reading import check_sizes, read_image
from ms_ovs.data.segments import PanopticMap
from ms_ovs.errors import UserError, choose
from ms_ovs.vocab import labels as vocabularies

FROM_TABLE = "from table"


class PanopticSettings(Settings):
    """Where the files are, and what the categories in the JSON file mean.

    An image and a panoptic map are a pair when their paths below the two folders differ in the suffixes
    alone; where all maps lie in one folder, those of the images do not matter. `labels` is what
    `ms_ovs.vocab.labels.parse` takes. `table` is {category id: class}; without it the categories of the JSON
    file are the classes, in its order. `things` are the names of the classes that are things; without it the
    JSON file's table of categories says so.
    """

    image_dir: str
    image_suffix: str = ".jpg"
    panoptic_dir: str
    panoptic_suffix: str = ".png"
    panoptic_json: str
    labels: str
    things: list[str] | Literal["from table"] = FROM_TABLE
    table: dict[int, int] | None = None


class PanopticDataset:
    """Pairs of (image uint8 (H,W,3), `PanopticMap`), in the order of the maps' file names.

    `vocabulary` names the classes, `things` says of each whether it is a thing, `table` is {category id:
    class}.
    """

    def __init__(self, settings: PanopticSettings):
        """Raises `UserError` for files without partner, categories without class, and a damaged JSON file."""
        self.vocabulary = vocabularies.parse(settings.labels)
        self.files = PanopticFiles.open(settings.panoptic_json, settings.panoptic_dir)
        self.table = table_of(settings, self.files, len(self.vocabulary))
        self.files.check_categories(self.table)
        self.things = _things(settings, self.files.categories, self.table, self.vocabulary.names)
        self._ids: list[ImageId] = list(self.files.annotations)
        self.images = _images(settings, self.files)

    def __len__(self) -> int:
        """The number of pairs."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, PanopticMap]:
        """Read a pair. Raises `UserError`, naming a file that is gone, damaged or not what the JSON says."""
        image, truth = read_image(self.images[index]), self.target(index)
        check_sizes(image, truth.ids, self.files.folder / self._annotation(index).file_name)
        return image, truth

    def target(self, index: int) -> PanopticMap:
        """The panoptic map alone."""
        return self.files.read(self._ids[index], self.table)

    def image_id(self, index: int) -> ImageId:
        """The image's id in the JSON file."""
        return self._ids[index]

    def name(self, index: int) -> str:
        """What tables call the image."""
        return Path(self._annotation(index).file_name).stem

    def _annotation(self, index: int):
        return self.files.annotations[self._ids[index]]


def table_of(settings: PanopticSettings, files: PanopticFiles, count: int) -> dict[int, int]:
    """{category id: class} for `count` classes. Raises `UserError` where it does not fit the labels."""
    if settings.table is None:
        if len(files.categories) != count:
            raise UserError(
                f"{str(files.path)!r} has {len(files.categories)} categories, the list {count} labels: "
                "give a table {category id: class}, or a list with a label for each"
            )
        return {category.id: number for number, category in enumerate(files.categories)}
    if strays := sorted({label for label in settings.table.values() if not 0 <= label < count}):
        raise UserError(
            f"the table of categories leads to class {strays[0]}; classes go from 0 to {count - 1}"
        )
    return settings.table


def _things(
    settings: PanopticSettings, categories: Sequence[Category], table: dict[int, int], names: Sequence[str]
) -> tuple[bool, ...]:
    """Of each class, whether it is a thing."""
    if settings.things != FROM_TABLE:
        chosen = {choose("label", name, names) for name in settings.things}
        return tuple(name in chosen for name in names)
    said: dict[int, set[bool | None]] = {number: set() for number in range(len(names))}
    for category in categories:
        if category.id in table:
            said[table[category.id]].add(category.isthing)
    for number, kinds in said.items():
        if kinds not in ({True}, {False}):
            met = "both thing and stuff" if kinds == {True, False} else "neither thing nor stuff"
            raise UserError(
                f"class {number} ({names[number]}) is {met} in {settings.panoptic_json!r}: "
                "name the things in the settings"
            )
    return tuple(kinds == {True} for kinds in said.values())


def _images(settings: PanopticSettings, files: PanopticFiles) -> list[Path]:
    """The photograph of each annotation."""
    found, odd = find_images(settings, files)
    if odd:
        raise UserError(
            f"{odd[0]} ({len(odd)} of {len(files.annotations)} have no partner): "
            "complete the files or check the suffixes"
        )
    return [found[image_id] for image_id in files.annotations]


def find_images(settings: PanopticSettings, files: PanopticFiles) -> tuple[dict[ImageId, Path], list[str]]:
    """{image id: photograph}, and what to say of the files that have no partner.

    Raises `UserError` for a folder of images that is missing or empty.
    """
    images = find_files(settings.image_dir, settings.image_suffix, "image")
    keys = {
        image_id: one.file_name.removesuffix(settings.panoptic_suffix)
        for image_id, one in files.annotations.items()
    }
    flat = {Path(key).name: path for key, path in images.items()}
    if len(flat) == len(images) and not any("/" in key for key in keys.values()):
        images = flat  # as Cityscapes has it: images in a folder a city, maps side by side
    odd = [
        f"panoptic map {key + settings.panoptic_suffix!r} has no image in {settings.image_dir}"
        for key in keys.values()
        if key not in images
    ]
    odd += [
        f"image {str(images[key])!r} is not in {settings.panoptic_json}"
        for key in sorted(images.keys() - set(keys.values()))
    ]
    return {image_id: images[key] for image_id, key in keys.items() if key in images}, odd
