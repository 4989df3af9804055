"""Textured grounds for the scenes of the embedded benchmark, one word each: sand, water, brick, grass.

Colours are muted where the shapes' are full: a ground is known by its texture and hides no shape.
"""

from collections.abc import Callable

import numpy as np

Generator = np.random.Generator


def paint(word: str, size: int, rng: Generator) -> np.ndarray:
    """A square of the ground called `word`, float32 (size,size,3) in 0..255."""
    return GROUNDS[word](size, rng)


def _sand(size: int, rng: Generator) -> np.ndarray:
    """Pale and grainy, in low dunes."""
    y, x = _grid(size)
    angle = rng.uniform(-0.4, 0.4)
    dunes = np.sin((y * np.cos(angle) + x * np.sin(angle)) * rng.uniform(5, 8) + rng.uniform(0, 6))
    grain = rng.standard_normal((size, size), np.float32)
    return _tinted((212, 188, 146), 9 * dunes + 11 * grain, rng)


def _water(size: int, rng: Generator) -> np.ndarray:
    """Grey-blue, with bright crests that run across and sway."""
    y, x = _grid(size)
    sway = rng.uniform(0.25, 0.5) * np.sin(x * rng.uniform(9, 14) + rng.uniform(0, 6))
    waves = np.sin(y * rng.uniform(38, 50) + 6 * sway + rng.uniform(0, 6))
    crests = np.maximum(waves, 0) ** 3
    noise = rng.standard_normal((size, size), np.float32)
    return _tinted((104, 136, 152), 52 * crests - 12 + 4 * noise, rng)


def _brick(size: int, rng: Generator) -> np.ndarray:
    """Rows of dull bricks, every second one shifted, each of its own shade, with light joints."""
    y, x = _grid(size)
    rows = rng.uniform(7, 9)
    down = y * rows + rng.uniform(0, 1)
    across = x * rows / 2 + rng.uniform(0, 1) + 0.5 * (np.floor(down) % 2)
    shades = rng.uniform(-16, 16, (16, 16)).astype(np.float32)
    shade = shades[np.floor(down).astype(int) % 16, np.floor(across).astype(int) % 16]
    joint = ((down % 1) < 0.18) | ((across % 1) < 0.1)
    noise = rng.standard_normal((size, size), np.float32)
    out = _tinted((146, 104, 92), shade + 5 * noise, rng)
    out[joint] = np.float32((190, 184, 176)) + 4 * noise[joint, None]
    return out


def _grass(size: int, rng: Generator) -> np.ndarray:
    """Dull green, of short upright blades."""
    noise = rng.standard_normal((size, size), np.float32)
    tall = max(2, size // 16)
    blades = sum(np.roll(noise, shift, 0) for shift in range(tall)) / tall**0.5
    return _tinted((92, 112, 66), 22 * blades + 4 * rng.standard_normal((size, size), np.float32), rng)


GROUNDS: dict[str, Callable[[int, Generator], np.ndarray]] = {
    "sand": _sand,
    "water": _water,
    "brick": _brick,
    "grass": _grass,
}


def _grid(size: int) -> tuple[np.ndarray, np.ndarray]:
    """Places of pixels, 0..1, as a column (down) and a row (across)."""
    steps = (np.arange(size, dtype=np.float32) + 0.5) / size
    return steps[:, None], steps[None]


def _tinted(colour: tuple[int, int, int], light: np.ndarray, rng: Generator) -> np.ndarray:
    """`colour`, a little different each time, with `light` (H,W) added to it."""
    tint = np.float32(colour) + rng.uniform(-10, 10) + rng.uniform(-5, 5, 3).astype(np.float32)
    return (tint + light[..., None]).astype(np.float32)
