"""Colours for classes, and label maps as PNG files with them."""

import functools
from collections.abc import Collection, Mapping, Sequence

import numpy as np
from PIL import Image

PALETTE_SIZE = 256  # colours of an 8-bit PNG
INK, FAINT, PAPER = (32, 33, 36), (112, 116, 122), (255, 255, 255)
SWAPS = 100  # of colours, at most; what is left to gain is little
HATCH, UNDER_HATCH = (168, 172, 178), (240, 241, 243)


def palette(count: int) -> np.ndarray:
    """`count` colours as uint8 (count,3), well apart and always the same.

    A longer palette begins with a shorter one. Beyond about 2500 they repeat.
    """
    return np.resize(_colours(), (count, 3))


def tell_apart(groups: Sequence[Collection[int]], given: Mapping[int, int] | None = None) -> dict[int, int]:
    """{class: number in the palette}, such that classes of one group look as unlike as may be.

    `groups` are classes that are seen side by side. Those in `given` keep their numbers, which are 0 to the
    length of `given`; the others get the numbers that follow.
    """
    given = given or {}
    labels = [*given, *sorted(set().union(*groups) - given.keys())]
    index = {label: number for number, label in enumerate(labels)}
    together = np.zeros((len(labels), len(labels)))
    for group in groups:
        members = [index[label] for label in group]
        together[np.ix_(members, members)] = 1
    np.fill_diagonal(together, 0)
    kept = len(given)
    numbers = np.array([*given.values(), *range(kept, len(labels))], int)
    clash = _clash(len(labels))
    cost = together @ clash[numbers]  # (class, colour): of the class in this colour, the others as they are
    for _ in range(SWAPS if len(labels) - kept > 1 else 0):
        # what the sum of all costs changes by when two classes swap their colours
        swapped = cost[kept:, numbers[kept:]]
        own = np.diag(swapped)
        both = together[kept:, kept:] * clash[np.ix_(numbers[kept:], numbers[kept:])]
        change = (swapped + swapped.T + 2 * both - own - own[:, None]).round(6)
        one, other = np.add(np.unravel_index(change.argmin(), change.shape), kept)
        if change.min() >= 0:
            break
        cost += np.outer(together[:, one] - together[:, other], clash[numbers[other]] - clash[numbers[one]])
        numbers[[one, other]] = numbers[[other, one]]
    return dict(zip(labels, numbers.tolist(), strict=True))


def _clash(count: int) -> np.ndarray:
    """float64 (count,count): how hard the palette's colours are to tell apart, none being so from itself."""
    lab = _oklab(palette(count))
    squares = ((lab[:, None] - lab) ** 2).sum(-1)
    clash = 1 / np.maximum(squares, 1e-4)
    np.fill_diagonal(clash, 0)
    return clash


def label_image(label_map: np.ndarray, colours: np.ndarray) -> Image.Image:
    """A label map (H,W) as a picture whose pixel values are the labels, for a PNG file.

    Up to 256 classes it has 8 bits and `colours` (N,3) as its palette; with more it is 16-bit grey.
    """
    if len(colours) > PALETTE_SIZE:
        return Image.fromarray(label_map.astype(np.uint16))
    picture = Image.fromarray(label_map.astype(np.uint8))
    picture.putpalette(colours.astype(np.uint8).tobytes())  # turns grey into palette mode
    return picture


def hatch(size: tuple[int, int]) -> np.ndarray:
    """Grey slanting lines, uint8 (height,width,3) for a `size` (width, height): here is no class."""
    width, height = size
    line = np.add.outer(np.arange(height), np.arange(width)) % 7 < 2
    return np.where(line[..., None], np.array(HATCH, np.uint8), np.array(UNDER_HATCH, np.uint8))


@functools.cache
def _colours() -> np.ndarray:
    """uint8 (N,3): colours in the order in which each is as unlike all those before it as possible.

    Near-black, near-white and greyish colours are left out, since they read as shadow, sky and road, and so
    are glaring ones.
    """
    levels = np.linspace(0, 255, 16).round()
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    lab = _oklab(rgb)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    keep = (lab[:, 0] > 0.4) & (lab[:, 0] < 0.92) & (chroma > 0.09) & (chroma < 0.25)
    rgb, lab = rgb[keep], lab[keep]
    chosen = [int(np.abs(rgb - (230, 60, 50)).sum(1).argmin())]
    distance = np.full(len(rgb), np.inf)
    while len(chosen) < len(rgb):
        distance = np.minimum(distance, ((lab - lab[chosen[-1]]) ** 2).sum(1).round(6))
        chosen.append(int(distance.argmax()))
    return rgb[chosen].astype(np.uint8)


def _oklab(rgb: np.ndarray) -> np.ndarray:
    """(N,3) of 0…255 in OKLab (B. Ottosson, 2020), where equal distances look about equal."""
    linear = np.where(rgb <= 10.31475, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    to_cones = [[0.4122214708, 0.5363325363, 0.0514459929]]
    to_cones += [[0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468]]
    to_lab += [[1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
    # Rounded, so that the last bit of a machine's arithmetic cannot change the order.
    return (np.cbrt(linear @ np.array(to_cones).T) @ np.array(to_lab).T).round(4)
