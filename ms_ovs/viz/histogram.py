"""How often each class of a data set occurs, as bars. This module loads Matplotlib, which draws them."""

import warnings
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from ms_ovs.viz.colours import FAINT, INK

DPI = 100
ROWS = 110  # classes below one another at most; more stand in further columns
ROW = 0.155  # inches from one class to the next
LETTERS = 8  # points
NAME = 26  # letters of a name at most
COLUMN = 5.6  # inches: names and both bars
HEAD, FOOT, MARGIN = 0.95, 0.6, 0.25  # inches
TALL = 40  # rows beyond which the axis stands above the bars, too
NAMES, PIXELS, IMAGES, GAP = 0.42, 0.29, 0.2, 0.045  # shares of a column's width
SPREAD = 30  # with more between the least and the greatest count, the axis is logarithmic
BARS = {"pixels": "#186aae", "images": "#c8792a"}


def class_histogram(
    names: Sequence[str],
    pixels: np.ndarray,
    images: np.ndarray,
    *,
    title: str,
    remark: str = "",
    numbers: Sequence[int] = (),
) -> Image.Image:
    """Bars of the pixels of each class, int64 (C,), and of the images that it is in, the most pixels first.

    A class is called by its number and its name; the numbers are those in `numbers`, 0 to C-1 if not given.
    Counts that lie far apart have a logarithmic axis, which says so. `remark` stands below the `title`.
    """
    numbers = numbers or range(len(names))
    order = np.argsort(-pixels, kind="stable")
    count = -(-len(order) // ROWS)
    rows = -(-len(order) // count)
    width, height = count * COLUMN + MARGIN, HEAD + rows * ROW + FOOT
    figure = Figure((width, height), DPI, facecolor="white")
    canvas = FigureCanvasAgg(figure)
    head = {"va": "center", "parse_math": False}
    figure.text(MARGIN / width, 1 - 0.25 / height, title, size=11, color=_hex(INK), **head)
    figure.text(MARGIN / width, 1 - 0.48 / height, remark, size=LETTERS, color=_hex(FAINT), **head)
    bottom, tall = FOOT / height, rows * ROW / height
    for column in range(count):
        part = order[column * rows : (column + 1) * rows]
        left, wide = column * COLUMN / width, COLUMN / width
        lines = [f"{_short(names[n])}  {numbers[n]}" for n in part]
        begin = left + NAMES * wide
        for what, counts, share in (("pixels", pixels, PIXELS), ("images", images, IMAGES)):
            axes = figure.add_axes((begin, bottom, share * wide, tall))
            _bars(axes, counts[part], rows, what, _scale(counts))
            axes.set_yticks(range(len(part)), lines if what == "pixels" else [], parse_math=False)
            begin += (share + GAP) * wide
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph")  # drawn as a box; the number tells the class
        canvas.draw()
    return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")


def _bars(axes: Axes, counts: np.ndarray, rows: int, what: str, scale: tuple[str, float, float]) -> None:
    kind, least, most = scale
    axes.set_xscale(kind)
    axes.set_xlim(least, most)
    axes.set_ylim(rows - 0.5, -0.5)
    axes.barh(range(len(counts)), counts - least, 0.72, left=least, color=BARS[what])
    for row in np.flatnonzero(counts == 0):
        axes.text(least, row, " none", size=LETTERS - 1, color=_hex(FAINT), va="center")
    axes.tick_params(labelsize=LETTERS, length=0, labelcolor=_hex(INK))
    axes.tick_params("x", labeltop=rows > TALL)
    axes.grid(axis="x", color="#d8dade", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.spines[["right", "bottom", "top"]].set_visible(False)
    axes.spines["left"].set_color(_hex(FAINT))
    note = ", log scale" if kind == "log" else ""
    axes.set_xlabel(f"{what}{note}", size=LETTERS, color=_hex(INK))


def _scale(counts: np.ndarray) -> tuple[str, float, float]:
    """What an axis is, and where it begins and ends, so that the bars of all classes can be compared."""
    most = max(int(counts.max(initial=0)), 1)
    least = int(counts[counts > 0].min(initial=most))
    if most / least <= SPREAD:
        return "linear", 0.0, 1.05 * most
    return "log", max(0.5, 10.0 ** np.floor(np.log10(least / 1.5))), 1.5 * most


def _short(name: str) -> str:
    line = " ".join(name.split())
    return line if len(line) <= NAME else line[: NAME - 1].rstrip() + "…"


def _hex(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
