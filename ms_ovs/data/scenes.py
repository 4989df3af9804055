"""One scene of the embedded benchmark: coloured shapes on textured grounds, with the class of every pixel.

Drawn at four times the size and averaged, so that edges are smooth; a pixel belongs to the topmost thing that
covers half of it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image, ImageDraw

from ms_ovs.data import grounds

COLOURS = {
    "red": (214, 38, 42),
    "green": (40, 176, 60),
    "blue": (42, 74, 218),
    "yellow": (244, 214, 34),
    "purple": (150, 44, 178),
    "white": (246, 246, 246),
}
SHAPES = ("circle", "square", "triangle", "star", "cross")
GROUNDS = tuple(grounds.GROUNDS)

FINER = 4  # how much larger than the picture things are drawn
RADII = (0.18, 0.38)  # of a thing, smallest and largest, as parts of the picture's side
TILT = 15  # degrees
RIM, RIM_SHADE = 0.12, 55  # part of a thing's radius that is darker, and by how much: neighbours stay apart
LEAST_SEEN = 0.6  # part of a thing that no later one may cover
TRIES = 12  # places that are tried for a thing before it is left out
TWO_GROUNDS = 0.35  # how often a scene has two


@dataclass(frozen=True)
class Thing:
    """A shape of a colour, and where: centre and radius are parts of the picture's side, tilt in degrees."""

    colour: str
    shape: str
    x: float
    y: float
    radius: float
    tilt: float

    @property
    def words(self) -> str:
        """Its class: "red circle"."""
        return f"{self.colour} {self.shape}"


@dataclass(frozen=True)
class Scene:
    """A picture uint8 (S,S,3), its things from back to front, its grounds, and the classes by pixel.

    `owner` int8 (S,S) counts first the grounds, then the things: `words[owner]` are the pixel's words.
    """

    image: np.ndarray
    owner: np.ndarray
    grounds: tuple[str, ...]
    things: tuple[Thing, ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The classes of the grounds and of the things, in the order of `owner`."""
        return (*self.grounds, *(thing.words for thing in self.things))


def draw(
    pairs: Sequence[tuple[str, str]],
    size: int,
    rng: np.random.Generator,
    *,
    radii: tuple[float, float] = RADII,
) -> Scene:
    """A scene with the things `pairs`, each a (colour, shape), in that order from back to front.

    Their `radii`, from the smallest to the largest, are parts of the side of the picture.

    A thing for which no place is found where the others stay in sight is left out; the first never is.
    """
    image, owner, words = _ground(size, rng)
    things: list[Thing] = []
    areas: list[int] = []
    for colour, shape in pairs:
        for _ in range(TRIES):
            thing = _placed(colour, shape, radii, rng)
            cover = coverage(thing, size)
            inside = cover >= 0.5
            left = [
                np.count_nonzero((owner == len(words) + index) & ~inside) / area
                for index, area in enumerate(areas)
            ]
            if all(part >= LEAST_SEEN for part in left):
                break
        else:
            continue
        rim = cover - coverage(replace(thing, radius=thing.radius * (1 - RIM)), size)
        colours = _shaded(thing, size, rng) - RIM_SHADE * rim[..., None]
        image += cover[..., None] * (colours - image)
        owner[inside] = len(words) + len(things)
        things.append(thing)
        areas.append(np.count_nonzero(inside))
    return Scene(np.clip(np.rint(image), 0, 255).astype(np.uint8), owner, words, tuple(things))


def coverage(thing: Thing, size: int) -> np.ndarray:
    """How much of each pixel a thing covers, float32 (size,size) in 0..1."""
    side = size * FINER
    canvas = Image.new("L", (side, side))
    pen = ImageDraw.Draw(canvas)
    if thing.shape == "circle":
        pen.ellipse([side * (c + s * thing.radius) for s in (-1, 1) for c in (thing.x, thing.y)], 255)
    else:
        angle = np.deg2rad(thing.tilt)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        corners = side * (OUTLINES[thing.shape] @ turn * thing.radius + (thing.x, thing.y))
        pen.polygon([tuple(corner) for corner in corners.tolist()], 255)
    return np.asarray(canvas.reduce(FINER), np.float32) / np.float32(255)


def _outlines() -> dict[str, np.ndarray]:
    """Corners (N,2) of the shapes that have any, upright around (0,0), of about the area of a circle."""
    around = np.arange(10) * np.pi / 5
    star = np.stack([np.sin(around), -np.cos(around)], 1) * np.where(np.arange(10) % 2, 0.55, 1.3)[:, None]
    arm, half = 1.1, 0.37
    quarter = np.array([(half, -arm), (half, -half), (arm, -half)])
    turn = np.array([[0, 1], [-1, 0]])
    cross = np.concatenate([quarter @ np.linalg.matrix_power(turn, k) for k in range(4)])
    return {
        "square": 0.88 * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]),
        "triangle": np.array([(0, -1.2), (1.15, 0.85), (-1.15, 0.85)]),
        "star": star,
        "cross": cross,
    }


OUTLINES = _outlines()


def _placed(colour: str, shape: str, radii: tuple[float, float], rng: np.random.Generator) -> Thing:
    radius = rng.uniform(*radii)
    x, y = rng.uniform(0.8 * radius, 1 - 0.8 * radius, 2)
    return Thing(colour, shape, float(x), float(y), float(radius), float(rng.uniform(-TILT, TILT)))


def _shaded(thing: Thing, size: int, rng: np.random.Generator) -> np.ndarray:
    """The colour of a thing, a little different each time, brighter on one side, float32 (size,size,3)."""
    colour = np.float32(COLOURS[thing.colour]) + rng.uniform(-12, 12, 3).astype(np.float32)
    steps = np.linspace(-1, 1, size, dtype=np.float32)
    slope = rng.uniform(-18, 18, 2).astype(np.float32)
    light = slope[0] * steps[:, None] + slope[1] * steps + 3 * rng.standard_normal((size, size), np.float32)
    return colour + light[..., None]


def _ground(size: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """(picture float32, owner, words) of one ground, or of two with a slanting border between."""
    count = 2 if rng.random() < TWO_GROUNDS else 1
    words = tuple(GROUNDS[index] for index in rng.permutation(len(GROUNDS))[:count])
    image = grounds.paint(words[0], size, rng)
    owner = np.zeros((size, size), np.int8)
    if count == 2:
        steps = (np.arange(size) + 0.5) / size
        border = rng.uniform(0.35, 0.65) + rng.uniform(-0.3, 0.3) * (steps - 0.5)
        below = steps[:, None] > border
        if rng.random() < 0.5:
            below = below.T
        image[below] = grounds.paint(words[1], size, rng)[below]
        owner[below] = 1
    return image, owner, words
