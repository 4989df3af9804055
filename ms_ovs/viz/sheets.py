"""A contact sheet: photographs with their labels, or with truth and prediction, and one legend for all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ms_ovs.errors import UserError
from ms_ovs.viz.colours import FAINT, INK, PAPER, hatch, palette, tell_apart
from ms_ovs.viz.overlays import borders
from ms_ovs.viz.sheet_layout import HEADINGS, LABELLED, Key, Layout
from ms_ovs.viz.writing import NO_LABEL, fit, readable

SHADES = (0.7, 1.2)  # what a label's colour is multiplied by where its photograph is black, and where white


@dataclass(frozen=True, eq=False)
class Sample:
    """A photograph uint8 (H,W,3), its truth and a prediction, if any, int32 (H,W) with -1 = no label."""

    image: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray | None
    name: str

    @property
    def maps(self) -> tuple[np.ndarray, ...]:
        """The truth, and the prediction if there is one."""
        return (self.truth,) if self.prediction is None else (self.truth, self.prediction)


def contact_sheet(
    samples: Sequence[Sample],
    names: Sequence[str],
    *,
    marked: Collection[int] = (),
    columns: int = 2,
    title: str | None = None,
) -> Image.Image:
    """Photo, truth and prediction of each sample, `columns` samples a row, above a legend of their classes.

    Samples without prediction show the photo, and the photo in the colours of its labels. `names` are
    those of all classes. The legend has the ones that occur, and says of the numbers in `marked` that they
    were unseen in training. Small pictures are enlarged, large ones reduced. Below them stand the sample's
    name and how much of what has a label is right, or how much has one. The classes that occur get colours by
    which those of one sample can be told apart; classes of the truth keep theirs whatever is predicted.
    Raises `UserError` for no samples, no columns, predictions for some samples alone, pictures of different
    sizes and class numbers without a name.
    """
    _check(samples, len(names), columns)
    numbers = _numbers(samples)
    colours = np.zeros((len(names), 3), np.uint8)
    colours[list(numbers)] = palette(len(numbers))[list(numbers.values())]
    unlabelled = any((part < 0).any() for sample in samples for part in sample.maps)

    headings = LABELLED if samples[0].prediction is None else HEADINGS
    shapes = [sample.truth.shape for sample in samples]
    layout = Layout.of(shapes, columns, titled=bool(title), headings=headings)
    key = Key.of(sorted(numbers), names, marked, layout, unlabelled=unlabelled)
    sheet = Image.new("RGB", (key.width, layout.height + key.height), PAPER)
    pen = ImageDraw.Draw(sheet)
    _draw_head(pen, layout, title, key.width)
    for number, sample in enumerate(samples):
        _draw_sample(sheet, pen, layout, number, sample, colours)
    key.draw(sheet, pen, layout.height, colours)
    return sheet


def caption(sample: Sample) -> str:
    """How much of what has a label is predicted right, in words, or how much has one: "84 % right"."""
    labelled = sample.truth >= 0
    if not labelled.any():
        return NO_LABEL
    if sample.prediction is None:
        return _share(float(labelled.mean()), "labelled")
    return _share(float((sample.prediction == sample.truth)[labelled].mean()), "right")


def _share(share: float, what: str) -> str:
    if 0 < share < 0.005:
        return f"< 1 % {what}"
    if 0.995 <= share < 1:
        return f"> 99 % {what}"
    return f"{100 * share:.0f} % {what}"


def _check(samples: Sequence[Sample], classes: int, columns: int) -> None:
    if not samples:
        raise UserError("a contact sheet of 0 samples: give at least one")
    if columns < 1:
        raise UserError(f"a contact sheet of {columns} columns: give 1 or more")
    predicted = [sample.prediction is not None for sample in samples]
    if any(predicted) and not all(predicted):
        name = samples[predicted.index(False)].name
        raise UserError(f"sample {name!r} has no prediction, others have: give one for all, or for none")
    for sample in samples:
        parts = dict(zip(HEADINGS, (sample.image, *sample.maps), strict=False))
        if len({part.shape[:2] for part in parts.values()}) > 1:
            met = ", ".join(f"{what} {part.shape[1]}×{part.shape[0]}" for what, part in parts.items())
            raise UserError(f"sample {sample.name!r}: {met} pixels: they must be of one size")
        for what in list(parts)[1:]:
            for label in (int(parts[what].min()), int(parts[what].max())):
                if not -1 <= label < classes:
                    raise UserError(
                        f"sample {sample.name!r}: {what} has class {label}, but the {classes} names are "
                        f"for 0 to {classes - 1}: name every class, and use -1 for no label"
                    )


def _numbers(samples: Sequence[Sample]) -> dict[int, int]:
    """{class that occurs: number in the palette}, chosen first for the truth, then for what is predicted."""
    truths = [set(np.unique(sample.truth).tolist()) - {-1} for sample in samples]
    given = tell_apart(truths)
    if samples[0].prediction is None:
        return given
    both = [
        truth | set(np.unique(sample.prediction).tolist()) - {-1}
        for truth, sample in zip(truths, samples, strict=True)
    ]
    return tell_apart(both, given=given)


def _draw_head(pen: ImageDraw.ImageDraw, layout: Layout, title: str | None, width: int) -> None:
    if title:
        large = ImageFont.load_default(round(1.4 * layout.unit))
        text = fit(" ".join(title.split()), large, width - 2 * layout.unit)
        pen.text((layout.unit, layout.unit), text, INK, large, anchor="lt")
    for column in range(layout.columns):
        for part, heading in enumerate(layout.headings):
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
    maps = [_resized(labels, size) for labels in sample.maps]
    pictures = [_painted(labels, colours) for labels in maps]
    if sample.prediction is None:
        pictures = [_shaded(pictures[0], maps[0], photo)]
    for part, picture in enumerate((photo, *map(Image.fromarray, pictures))):
        sheet.paste(picture, (layout.left(column, part), layout.tops[row]))
    left, end = layout.left(column, 0), layout.right(column)
    line = layout.tops[row] + size[1] + round(1.3 * layout.unit)
    share = caption(sample)
    pen.text((end, line), share, INK, layout.font, anchor="rs")
    room = end - left - layout.font.getlength(share) - layout.unit
    name = fit(readable(sample.name, layout.font, f"sample {number + 1}"), layout.font, room)
    pen.text((left, line), name, INK, layout.font, anchor="ls")


def _resized(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A label map in another size (width, height), each pixel a sharp block."""
    width, height = size
    rows = np.arange(height) * labels.shape[0] // height
    return labels[rows[:, None], np.arange(width) * labels.shape[1] // width]


def _painted(labels: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """A label map as uint8 (H,W,3); hatched where there is no label."""
    return np.where(labels[..., None] >= 0, colours[labels], hatch(labels.shape[::-1]))


def _shaded(painted: np.ndarray, labels: np.ndarray, photo: Image.Image) -> np.ndarray:
    """Colours uint8 (H,W,3) as light and dark as a photograph, with thin lines between its `labels` (H,W).

    Hues stay as they are in the legend, which a mixture with the photograph would not keep.
    """
    dark, light = SHADES
    shade = dark + (light - dark) / 255 * np.asarray(photo.convert("L"), np.float32)
    shaded = np.clip(painted * shade[..., None], 0, 255).astype(np.uint8)
    shaded[borders(labels, 1)] = PAPER
    return shaded
