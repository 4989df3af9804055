"""Pictures of a segmentation: colours, label map, and the photograph with coloured classes and a legend."""

import functools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

PALETTE_SIZE = 256  # colours of an 8-bit PNG
LEAST_SHARE = 0.001  # a class below it is only counted in the legend
SMALL_PHOTO = 400  # pixels; a photograph with a shorter long side is enlarged so that it can be seen
GREY = 0.35  # how much of the photograph's colour gives way, so that classes keep theirs
ROWS = 10  # lines of legend that there is always room for
COLUMNS = 3
NAME_WIDTH = 16  # font heights; a longer name ends in an ellipsis

INK, FAINT, PAPER = (32, 33, 36), (112, 116, 122), (255, 255, 255)


def palette(count: int) -> np.ndarray:
    """`count` colours as uint8 (count,3), well apart and always the same.

    A longer palette begins with a shorter one. Beyond about 2500 they repeat.
    """
    return np.resize(_colours(), (count, 3))


def label_image(label_map: np.ndarray, colours: np.ndarray) -> Image.Image:
    """A label map (H,W) as a picture whose pixel values are the labels, for a PNG file.

    Up to 256 classes it has 8 bits and `colours` (N,3) as its palette; with more it is 16-bit grey.
    """
    if len(colours) > PALETTE_SIZE:
        return Image.fromarray(label_map.astype(np.uint16))
    picture = Image.fromarray(label_map.astype(np.uint8))
    picture.putpalette(colours.astype(np.uint8).tobytes())  # turns grey into palette mode
    return picture


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
    painted[_borders(label_map, max(1, max(label_map.shape) // 800))] = PAPER
    return Image.fromarray(painted)


def _borders(label_map: np.ndarray, thickness: int) -> np.ndarray:
    """bool (H,W): pixels whose neighbour `thickness` to the right or below is of another class."""
    border = np.zeros(label_map.shape, bool)
    border[:-thickness] |= label_map[:-thickness] != label_map[thickness:]
    border[:, :-thickness] |= label_map[:, :-thickness] != label_map[:, thickness:]
    return border


@functools.cache
def _colours() -> np.ndarray:
    """uint8 (N,3): colours in the order in which each is as unlike all those before it as possible.

    Distance is that of OKLab (B. Ottosson, 2020), where equal steps look about equal. Near-black, near-white
    and greyish colours are left out, since they read as shadow, sky and road, and so are glaring ones.
    """
    levels = np.linspace(0, 255, 16).round()
    rgb = np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), -1).reshape(-1, 3)
    linear = np.where(rgb <= 10.31475, rgb / 255 / 12.92, ((rgb / 255 + 0.055) / 1.055) ** 2.4)
    to_cones = [[0.4122214708, 0.5363325363, 0.0514459929]]
    to_cones += [[0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]]
    to_lab = [[0.2104542553, 0.7936177850, -0.0040720468]]
    to_lab += [[1.9779984951, -2.4285922050, 0.4505937099], [0.0259040371, 0.7827717662, -0.8086757660]]
    # Rounded, so that the last bit of a machine's arithmetic cannot change the order.
    lab = (np.cbrt(linear @ np.array(to_cones).T) @ np.array(to_lab).T).round(4)
    chroma = np.hypot(lab[:, 1], lab[:, 2])
    keep = (lab[:, 0] > 0.4) & (lab[:, 0] < 0.92) & (chroma > 0.09) & (chroma < 0.25)
    rgb, lab = rgb[keep], lab[keep]
    chosen = [int(np.abs(rgb - (230, 60, 50)).sum(1).argmin())]
    distance = np.full(len(rgb), np.inf)
    while len(chosen) < len(rgb):
        distance = np.minimum(distance, ((lab - lab[chosen[-1]]) ** 2).sum(1).round(6))
        chosen.append(int(distance.argmax()))
    return rgb[chosen].astype(np.uint8)


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
                _fit(_readable(names[label], label, font), font, NAME_WIDTH * unit),
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


def percent(share: float) -> str:
    """A fraction in words: "12.3 %"; what would round to nothing is "< 0.1 %"."""
    return f"{share:.1%}".replace("%", " %") if share >= LEAST_SHARE / 2 else "< 0.1 %"


def _readable(name: str, label: int, font: ImageFont.FreeTypeFont) -> str:
    """The name on one line; without accents, or the class by number, where the font lacks its letters."""
    missing = bytes(font.getmask("\uffff"))
    name = " ".join(name.split())
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    for candidate in (name, plain):
        if not any(bytes(font.getmask(letter)) == missing for letter in set(candidate)):
            return candidate
    return f"class {label}"


def _fit(name: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    """`name`, cut with an ellipsis where it is wider than `width`."""
    if font.getlength(name) <= width:
        return name
    while name and font.getlength(name + "…") > width:
        name = name[:-1]
    return name.rstrip() + "…"
