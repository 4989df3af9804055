"""Where things stand on a contact sheet, and its legend; all measures are in pixels."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ms_ovs.viz.colours import FAINT, INK, hatch
from ms_ovs.viz.writing import NAME_WIDTH, NO_LABEL, fit, readable

HEADINGS = ("photo", "truth", "prediction")
LABELLED = ("photo", "labels")  # where nothing was predicted
MARK = "(unseen in training)"
SIDES = (160, 320)  # a picture's longer side; in between it is that of the largest photograph
LETTERS = 14  # height of the letters beside the smallest pictures


@dataclass(frozen=True)
class Layout:
    """Where the pictures stand."""

    columns: int
    side: int  # a picture's longer side
    box: int  # width that every picture has room for
    unit: int  # height of the letters; the gaps are measured in it
    font: ImageFont.FreeTypeFont
    tops: tuple[int, ...]  # upper edges of the rows' pictures, and where the next row's would be
    headings: Sequence[str]  # of the pictures of a sample

    @classmethod
    def of(
        cls,
        shapes: Sequence[tuple[int, int]],
        columns: int,
        *,
        titled: bool,
        headings: Sequence[str] = HEADINGS,
    ) -> "Layout":
        """The layout for photographs of these (H,W), with room for a title if it is `titled`."""
        side = min(max(SIDES[0], *(max(shape) for shape in shapes)), SIDES[1])
        unit = max(LETTERS, side // 20)
        font = ImageFont.load_default(unit)
        sizes = [_shown(shape, side) for shape in shapes]
        box = max(*(width for width, _ in sizes), *(round(font.getlength(text)) for text in headings))
        tops = [round((5 if titled else 2.5) * unit)]
        for start in range(0, len(sizes), columns):
            height = max(height for _, height in sizes[start : start + columns])
            tops.append(tops[-1] + height + round(2.8 * unit))
        return cls(min(columns, len(sizes)), side, box, unit, font, tuple(tops), headings)

    def left(self, column: int, part: int) -> int:
        """The left edge of picture `part`, in the order of the headings, in a column of samples."""
        gap, parts = self.unit // 2, len(self.headings)
        sample = parts * self.box + (parts - 1) * gap
        return self.unit + column * (sample + 2 * self.unit) + part * (self.box + gap)

    def right(self, column: int) -> int:
        """The right edge of the last picture in a column of samples."""
        return self.left(column, len(self.headings) - 1) + self.box

    def shown(self, shape: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the pictures of a photograph (H,W)."""
        return _shown(shape, self.side)

    @property
    def width(self) -> int:
        """Width of the sheet, as far as the pictures need it."""
        return self.right(self.columns - 1) + self.unit

    @property
    def height(self) -> int:
        """Height of the sheet down to the legend."""
        return self.tops[-1]


def _shown(shape: tuple[int, int], side: int) -> tuple[int, int]:
    height, width = (max(1, round(length * side / max(shape))) for length in shape)
    return width, height


@dataclass(frozen=True)
class Key:
    """The legend below the pictures: its entries, in columns that are filled from the top."""

    entries: list[tuple[int, str, str]]  # class (-1: no label), name, mark
    font: ImageFont.FreeTypeFont
    unit: int
    width: int  # of the sheet: that of the pictures, or more if one column of entries needs it
    entry_width: int

    @classmethod
    def of(
        cls,
        classes: Sequence[int],
        names: Sequence[str],
        marked: Collection[int],
        layout: Layout,
        *,
        unlabelled: bool,
    ) -> "Key":
        """The legend of these classes, those in `marked` marked; last "no label" if there is such."""
        font, unit = layout.font, layout.unit
        entries = []
        for label in classes:
            name = fit(readable(names[label], font, f"class {label}"), font, NAME_WIDTH * unit)
            entries.append((label, name, MARK if label in marked else ""))
        if unlabelled:
            entries.append((-1, NO_LABEL, ""))
        longest = max(font.getlength(f"{name} {mark}") for _, name, mark in entries)
        entry_width = round(longest + 4 * unit)
        return cls(entries, font, unit, max(layout.width, entry_width + unit), entry_width)

    @property
    def rows(self) -> int:
        """Entries in a column."""
        columns = (self.width - self.unit) // self.entry_width
        return -(-len(self.entries) // columns)

    @property
    def height(self) -> int:
        """Height of the legend with the margin below."""
        return round((self.rows * 1.6 + 0.8) * self.unit)

    def draw(self, sheet: Image.Image, pen: ImageDraw.ImageDraw, top: int, colours: np.ndarray) -> None:
        """Draw the entries below `top`."""
        unit = self.unit
        for number, (label, name, mark) in enumerate(self.entries):
            left = unit + number // self.rows * self.entry_width
            middle = round(top + (number % self.rows + 0.5) * 1.6 * unit)
            width, height = round(1.8 * unit), unit
            swatch = (
                np.broadcast_to(colours[label], (height, width, 3)) if label >= 0 else hatch((width, height))
            )
            sheet.paste(Image.fromarray(np.ascontiguousarray(swatch)), (left, middle - height // 2))
            pen.text((left + 2.4 * unit, middle), name, INK, self.font, anchor="lm")
            pen.text(
                (left + 2.4 * unit + self.font.getlength(f"{name} "), middle),
                mark,
                FAINT,
                self.font,
                anchor="lm",
            )
