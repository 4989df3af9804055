"""A contact sheet: photographs with truth and prediction beside them, and one legend for all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ms_ovs.errors import UserError
from ms_ovs.viz.colours import FAINT, INK, PAPER, hatch, palette, tell_apart
from ms_ovs.viz.sheet_layout import HEADINGS, Key, Layout
from ms_ovs.viz.writing import NO_LABEL, fit, readable


@dataclass(frozen=True, eq=False)
class Sample:
    """A photograph uint8 (H,W,3), its truth and a prediction, int32 (H,W) with -1 = no label."""

    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    name: str


def contact_sheet(
    samples: Sequence[Sample],
    names: Sequence[str],
    *,
    marked: Collection[int] = (),
    columns: int = 2,
    title: str | None = None,
) -> Image.Image:
    """Photo, truth and prediction of each sample, `columns` samples a row, above a legend of their classes.

    `names` are those of all classes. The legend has the ones that occur, and says of the numbers in `marked`
    that they were unseen in training. Small pictures are enlarged, large ones reduced. Below them stand the
    sample's name and how much of what has a label is right. The classes that occur get colours by which those
    of one sample can be told apart; classes of the truth keep theirs whatever is predicted. Raises
    `UserError` for no samples, no columns, pictures of different sizes and class numbers without a name.
    """
    _check(samples, len(names), columns)
    numbers = _numbers(samples)
    colours = np.zeros((len(names), 3), np.uint8)
    colours[list(numbers)] = palette(len(numbers))[list(numbers.values())]
    unlabelled = any((part < 0).any() for sample in samples for part in (sample.truth, sample.prediction))

    layout = Layout.of([sample.truth.shape for sample in samples], columns, titled=bool(title))
    key = Key.of(sorted(numbers), names, marked, layout, unlabelled=unlabelled)
    sheet = Image.new("RGB", (key.width, layout.height + key.height), PAPER)
    pen = ImageDraw.Draw(sheet)
    _draw_head(pen, layout, title, key.width)
    for number, sample in enumerate(samples):
        _draw_sample(sheet, pen, layout, number, sample, colours)
    key.draw(sheet, pen, layout.height, colours)
    return sheet


def right(sample: Sample) -> str:
    """How much of the pixels that have a label is predicted right, in words: "84 % right"."""
    labelled = sample.truth >= 0
    if not labelled.any():
        return NO_LABEL
    share = float((sample.prediction == sample.truth)[labelled].mean())
    if 0 < share < 0.005:
        return "< 1 % right"
    if 0.995 <= share < 1:
        return "> 99 % right"
    return f"{100 * share:.0f} % right"


def _check(samples: Sequence[Sample], classes: int, columns: int) -> None:
    if not samples:
        raise UserError("a contact sheet of 0 samples: give at least one")
    if columns < 1:
        raise UserError(f"a contact sheet of {columns} columns: give 1 or more")
    for sample in samples:
        parts = dict(zip(HEADINGS, (sample.image, sample.truth, sample.prediction), strict=True))
        if len({part.shape[:2] for part in parts.values()}) > 1:
            met = ", ".join(f"{what} {part.shape[1]}×{part.shape[0]}" for what, part in parts.items())
            raise UserError(f"sample {sample.name!r}: {met} pixels: they must be of one size")
        for what in HEADINGS[1:]:
            for label in (int(parts[what].min()), int(parts[what].max())):
                if not -1 <= label < classes:
                    raise UserError(
                        f"sample {sample.name!r}: {what} has class {label}, but the {classes} names are "
                        f"for 0 to {classes - 1}: name every class, and use -1 for no label"
                    )


def _numbers(samples: Sequence[Sample]) -> dict[int, int]:
    """{class that occurs: number in the palette}, chosen first for the truth, then for what is predicted."""
    truths = [set(np.unique(sample.truth).tolist()) - {-1} for sample in samples]
    both = [
        truth | set(np.unique(sample.prediction).tolist()) - {-1}
        for truth, sample in zip(truths, samples, strict=True)
    ]
    return tell_apart(both, given=tell_apart(truths))


def _draw_head(pen: ImageDraw.ImageDraw, layout: Layout, title: str | None, width: int) -> None:
    if title:
        large = ImageFont.load_default(round(1.4 * layout.unit))
        text = fit(" ".join(title.split()), large, width - 2 * layout.unit)
        pen.text((layout.unit, layout.unit), text, INK, large, anchor="lt")
    for column in range(layout.columns):
        for part, heading in enumerate(HEADINGS):
            place = (layout.left(column, part), layout.tops[0] - layout.unit // 2)
            pen.text(place, heading, FAINT, layout.font, anchor="ls")


def _draw_sample(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    layout: Layout,
    number: int,
    sample: Sample,
    colours: np.ndarray,
) -> None:
    row, column = divmod(number, layout.columns)
    size = layout.shown(sample.truth.shape)
    photo = Image.fromarray(sample.image).resize(size, Image.Resampling.BICUBIC)
    maps = [Image.fromarray(_painted(labels, size, colours)) for labels in (sample.truth, sample.prediction)]
    for part, picture in enumerate((photo, *maps)):
        sheet.paste(picture, (layout.left(column, part), layout.tops[row]))
    left, end = layout.left(column, 0), layout.left(column, 2) + layout.box
    line = layout.tops[row] + size[1] + round(1.3 * layout.unit)
    share = right(sample)
    pen.text((end, line), share, INK, layout.font, anchor="rs")
    room = end - left - layout.font.getlength(share) - layout.unit
    name = fit(readable(sample.name, layout.font, f"sample {number + 1}"), layout.font, room)
    pen.text((left, line), name, INK, layout.font, anchor="ls")


def _painted(labels: np.ndarray, size: tuple[int, int], colours: np.ndarray) -> np.ndarray:
    """A label map as uint8 (height,width,3), each pixel a sharp block; hatched where there is no label."""
    width, height = size
    rows = np.arange(height) * labels.shape[0] // height
    labels = labels[rows[:, None], np.arange(width) * labels.shape[1] // width]
    return np.where(labels[..., None] >= 0, colours[labels], hatch(size))
