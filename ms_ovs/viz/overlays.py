"""The photograph with coloured classes and a legend beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ms_ovs.viz.colours import FAINT, INK, PAPER, palette
from ms_ovs.viz.writing import LEAST_SHARE, NAME_WIDTH, fit, percent, readable

SMALL_PHOTO = 400  # pixels; a photograph with a shorter long side is enlarged so that it can be seen
GREY = 0.35  # how much of the photograph's colour gives way, so that classes keep theirs
ROWS = 10  # lines of legend that there is always room for
COLUMNS = 3


def overlay(
    image: np.ndarray,
    label_map: np.ndarray,
    names: Sequence[str],
    colours: np.ndarray | None = None,
    *,
    alpha: float = 0.5,
) -> Image.Image:
    """The photograph uint8 (H,W,3) under the colours of its classes (H,W), and a legend with their shares.

    `alpha` is the weight of the colours. Small photographs are enlarged. The legend, on the right, names
    the classes from the largest share down; those with less than 0.1 % of the pixels, or for which there
    is no room, are counted.
    """
    colours = palette(len(names)) if colours is None else colours
    painted = _paint(image, label_map, colours, alpha)
    shares = np.bincount(label_map.ravel(), minlength=len(names)) / label_map.size
    legend = _Legend.of(painted.size, shares, names)
    width, height = legend.size
    picture = Image.new("RGB", (painted.width + width, max(painted.height, height)), PAPER)
    picture.paste(painted)
    legend.draw(ImageDraw.Draw(picture), painted.width, names, colours)
    return picture


def _paint(image: np.ndarray, label_map: np.ndarray, colours: np.ndarray, alpha: float) -> Image.Image:
    """The photograph, its own colour toned down, with the classes' colours and a line between classes."""
    zoom = max(1, -(-SMALL_PHOTO // max(label_map.shape)))
    photo = Image.fromarray(image)
    if zoom > 1:
        photo = photo.resize((photo.width * zoom, photo.height * zoom), Image.Resampling.BICUBIC)
        label_map = label_map.repeat(zoom, 0).repeat(zoom, 1)
    toned = Image.blend(photo, photo.convert("L").convert("RGB"), GREY)
    painted = np.array(Image.blend(toned, Image.fromarray(colours[label_map]), alpha))
    painted[borders(label_map, max(1, max(label_map.shape) // 800))] = PAPER
    return Image.fromarray(painted)


def borders(label_map: np.ndarray, thickness: int) -> np.ndarray:
    """bool (H,W): pixels whose neighbour `thickness` to the right or below is of another class."""
    border = np.zeros(label_map.shape, bool)
    border[:-thickness] |= label_map[:-thickness] != label_map[thickness:]
    border[:, :-thickness] |= label_map[:, :-thickness] != label_map[:, thickness:]
    return border


@dataclass(frozen=True)
class _Legend:
    """Which lines the legend has and where they stand; all measures are in pixels."""

    lines: list[tuple[int | None, str, str]]  # class (None: a remark), name, share
    font: ImageFont.FreeTypeFont
    unit: int  # height of the letters; all else is measured in it
    rows: int
    name_width: float
    share_width: float

    @classmethod
    def of(cls, photo: tuple[int, int], shares: np.ndarray, names: Sequence[str]) -> "_Legend":
        """The legend for a photograph of this (width, height)."""
        unit = max(13, round((photo[0] * photo[1]) ** 0.5 / 36), round(max(photo) / 64))
        font = ImageFont.load_default(unit)
        most = max(ROWS, int((photo[1] - 2 * unit) // cls.row_height(unit)))
        order = [int(label) for label in np.argsort(-shares, kind="stable") if shares[label] > 0]
        shown = [label for label in order if shares[label] >= LEAST_SHARE] or order
        if len(shown) > most * COLUMNS - 1:
            shown = shown[: most * COLUMNS - 1]
        lines = [
            (
                label,
                fit(readable(names[label], font, f"class {label}"), font, NAME_WIDTH * unit),
                percent(shares[label]),
            )
            for label in shown
        ]
        if rest := order[len(shown) :]:
            lines.append((None, f"{len(rest)} more", percent(shares[rest].sum())))
        columns = -(-len(lines) // most)
        return cls(
            lines=lines,
            font=font,
            unit=unit,
            rows=-(-len(lines) // columns),
            name_width=max(font.getlength(name) for _, name, _ in lines),
            share_width=max(font.getlength(share) for _, _, share in lines),
        )

    @staticmethod
    def row_height(unit: int) -> float:
        """From one line to the next."""
        return 1.6 * unit

    @property
    def column_width(self) -> int:
        """Swatch, name and share, with the gaps between and after them."""
        return round(self.name_width + self.share_width + 4.4 * self.unit)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the panel."""
        columns = -(-len(self.lines) // self.rows)
        return columns * self.column_width + self.unit, round(
            self.rows * self.row_height(self.unit) + 2 * self.unit
        )

    def draw(self, pen: ImageDraw.ImageDraw, left: int, names: Sequence[str], colours: np.ndarray) -> None:
        """Draw the lines, columns filled from the top, into a panel that begins at `left`."""
        unit = self.unit
        for number, (label, name, share) in enumerate(self.lines):
            x = left + unit + number // self.rows * self.column_width
            y = unit + (number % self.rows + 0.5) * self.row_height(unit)
            if label is not None:
                box = (x, y - 0.5 * unit, x + 1.4 * unit, y + 0.5 * unit)
                pen.rounded_rectangle(box, unit // 5, tuple(colours[label].tolist()))
            pen.text((x + 2 * unit, y), name, INK if label is not None else FAINT, self.font, anchor="lm")
            end = x + self.column_width - 1.2 * unit
            pen.text((end, y), share, FAINT, self.font, anchor="rm")
