"""Some pairs of a data set, drawn by chance, for people to look at."""

from typing import NamedTuple

import numpy as np

from ms_ovs.data.check import Source
from ms_ovs.data.reading import check_sizes, read_image
from ms_ovs.errors import UserError


class Drawn(NamedTuple):
    """An image uint8 (H,W,3), its classes int32 (H,W) with -1 = ignored, and its name."""

    image: np.ndarray
    target: np.ndarray
    name: str


def draw(source: Source, count: int, seed: int) -> list[Drawn]:
    """At most `count` different pairs, in their order in `source`; equal seeds draw equal pairs.

    Pairs that cannot be read are passed over. Raises `UserError` for a count below 1, and where not one pair
    can be read.
    """
    if count < 1:
        raise UserError(f"a sheet of {count} images: give 1 or more")
    found: dict[int, Drawn] = {}
    fault = "there are none"
    for index in np.random.default_rng(seed).permutation(len(source)).tolist():
        try:
            found[index] = _read(source, index)
        except UserError as error:
            fault = str(error)
        if len(found) == count:
            break
    if not found:
        raise UserError(f"none of the {len(source)} pairs can be shown ({fault})")
    return [found[index] for index in sorted(found)]


def _read(source: Source, index: int) -> Drawn:
    image_path, map_path = source.paths(index)
    image = read_image(image_path)
    target = source.target(index, source.stored(index))
    check_sizes(image, target, map_path)
    return Drawn(image, target, image_path.stem)
