"""The confusion matrix for people: as a table for spreadsheets and as a picture."""

import csv
import io
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ms_ovs.viz import FAINT, INK, PAPER

RIGHT, WRONG = (24, 106, 174), (200, 62, 40)  # colours of a full cell on the diagonal and beside it
SIDE = 1600  # pixels that the cells fill at most
CELL = 28  # pixels a cell has at most
LEGIBLE = 9  # pixels below which a cell has no room for a name
TITLE = "rows: truth, columns: prediction; the stronger, the larger the share of the row's pixels"


def table(confusion: np.ndarray, labels: Sequence[str]) -> str:
    """CSV: one row a class of the truth, one column a predicted class, counts of pixels."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["truth \\ prediction", *labels])
    writer.writerows([label, *row] for label, row in zip(labels, confusion.tolist(), strict=True))
    return text.getvalue()


def picture(confusion: np.ndarray, labels: Sequence[str]) -> Image.Image:
    """Shares of each row, int64 (C,C), as colour: blue where right, red where wrong, white for none.

    The square root is shown, since confusions are mostly small. Numbers and names stand at the rows and below
    the columns, as long as there is room for them (up to about 170 classes).
    """
    count = len(labels)
    cell = max(1, min(CELL, SIDE // count))
    share = np.sqrt(confusion / np.maximum(confusion.sum(1, keepdims=True), 1))[..., None]
    full = np.where(np.eye(count, dtype=bool)[..., None], np.array(RIGHT), np.array(WRONG))
    cells = np.round(np.array(PAPER) * (1 - share) + full * share).astype(np.uint8)
    matrix = Image.fromarray(cells.repeat(cell, 0).repeat(cell, 1))
    title = ImageFont.load_default(14)
    names = _names(labels, cell) if cell >= LEGIBLE else Image.new("RGB", (8, matrix.height), PAPER)
    top = 28
    width = max(names.width + matrix.width + 1, 16 + int(title.getlength(TITLE)))
    out = Image.new("RGB", (width, top + matrix.height + names.width + 1), PAPER)
    pen = ImageDraw.Draw(out)
    pen.text((8, 8), TITLE, INK, title)
    out.paste(names, (0, top))
    out.paste(matrix, (names.width, top))
    out.paste(names.rotate(90, expand=True), (names.width, top + matrix.height))
    frame = (names.width, top, names.width + matrix.width, top + matrix.height)
    pen.rectangle(frame, outline=FAINT)
    return out


def _names(labels: Sequence[str], cell: int) -> Image.Image:
    """A strip with "number name" in every row, written up to its right edge."""
    font = ImageFont.load_default(min(14, cell - 1))
    # Letters that the font lacks are drawn as boxes; the number tells the class nevertheless.
    lines = [f"{number} {' '.join(label.split())[:24]}" for number, label in enumerate(labels)]
    width = int(max(font.getlength(line) for line in lines)) + 12
    strip = Image.new("RGB", (width, cell * len(lines)), PAPER)
    pen = ImageDraw.Draw(strip)
    for number, line in enumerate(lines):
        pen.text((width - 6, (number + 0.5) * cell), line, INK, font, anchor="rm")
    return strip
