"""Contact sheets: where the pictures stand, their colours, the legend, and accuracy in words."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageDraw, ImageFont

from ms_ovs import viz
from ms_ovs.data import shapes
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import preset
from ms_ovs.viz import colours, sheet_layout, sheets

NAMES = ["sky", "tree", "house", "road", "car"]


def sample(truth, prediction=None, *, size=(64, 64), grey=120, name="a"):
    """A grey photograph whose truth and prediction are one class, or what is given for each column."""
    truth, prediction = (
        np.broadcast_to(np.array(labels, np.int32), size).copy()
        for labels in (truth, truth if prediction is None else prediction)
    )
    return viz.Sample(np.full((*size, 3), grey, np.uint8), truth, prediction, name)


def halves(left, right, width=64):
    return np.repeat(np.array([left, right], np.int32), width // 2)


@pytest.fixture
def keys(monkeypatch):
    """The legends that are made."""
    made = []
    of = sheet_layout.Key.of
    monkeypatch.setattr(sheets.Key, "of", lambda *args, **named: made.append(of(*args, **named)) or made[-1])
    return made


def middle(layout, number, part, size=(160, 160)):
    """(y, x) of the middle of a picture on the sheet."""
    row, column = divmod(number, layout.columns)
    return layout.tops[row] + size[1] // 2, layout.left(column, part) + size[0] // 2


def test_pictures_stand_side_by_side():
    samples = [sample(0, 1, grey=40), sample(1, 0, grey=80), sample(2, 2, grey=200)]
    sheet = np.array(viz.contact_sheet(samples, NAMES))
    layout = sheet_layout.Layout.of([(64, 64)] * 3, 2, titled=False)
    assert layout.side == 160
    colour = viz.palette(3)
    numbers = sheets._numbers(samples)
    for number, (grey, truth, prediction) in enumerate([(40, 0, 1), (80, 1, 0), (200, 2, 2)]):
        for part, expected in enumerate(([grey] * 3, colour[numbers[truth]], colour[numbers[prediction]])):
            y, x = middle(layout, number, part)
            for dy, dx in ((0, 0), (-80, -80), (79, 79)):
                np.testing.assert_array_equal(sheet[y + dy, x + dx], expected)
            np.testing.assert_array_equal(sheet[y, x - 81], viz.PAPER)
            np.testing.assert_array_equal(sheet[y, x + 80], viz.PAPER)
    y, x = middle(layout, 3, 0)
    assert (sheet[y - 80 : y + 120, x - 80 :] == viz.PAPER).all(), "there is no fourth sample"


@pytest.mark.parametrize(
    ("shape", "size"), [((64, 64), (160, 160)), ((100, 200), (200, 100)), ((1200, 900), (240, 320))]
)
def test_small_photographs_grow_and_large_ones_shrink(shape, size):
    layout = sheet_layout.Layout.of([shape], 1, titled=False)
    assert layout.shown(shape) == size
    sheet = np.array(viz.contact_sheet([sample(0, size=shape)], NAMES))
    coloured = (sheet[: layout.height] == viz.palette(1)[0]).all(-1)
    assert coloured.sum() == 2 * size[0] * size[1]


def test_label_maps_stay_sharp_and_photographs_smooth():
    one = sample(halves(0, 3))
    one.image[:, 32:] = 220
    sheet = np.array(viz.contact_sheet([one], NAMES))
    layout = sheet_layout.Layout.of([(64, 64)], 1, titled=False)
    y, _ = middle(layout, 0, 0)
    lines = [sheet[y, layout.left(0, part) : layout.left(0, part) + 160] for part in range(3)]
    assert len(np.unique(lines[0], axis=0)) > 2
    assert len(np.unique(lines[1], axis=0)) == 2
    assert (lines[1][:80] == lines[1][0]).all() and (lines[1][80:] == lines[1][-1]).all()


def test_no_label_is_hatched_and_in_the_legend(keys):
    viz.contact_sheet([sample(0)], NAMES)
    sheet = np.array(viz.contact_sheet([sample(halves(-1, 0), 0)], NAMES))
    assert [[entry[1] for entry in key.entries] for key in keys] == [["sky"], ["sky", "no label"]]
    layout = sheet_layout.Layout.of([(64, 64)], 1, titled=False)
    top, left = layout.tops[0], layout.left(0, 1)
    np.testing.assert_array_equal(sheet[top : top + 160, left : left + 80], colours.hatch((80, 160)))
    assert (sheet[top : top + 160, left + 80 : left + 160] == viz.palette(1)[0]).all()
    assert (sheet[layout.height :] == colours.HATCH).all(-1).any(), "the legend has a hatched swatch"


def test_predictions_without_label_are_hatched(keys):
    sheet = np.array(viz.contact_sheet([sample(0, -1)], NAMES))
    assert keys[0].entries[-1][0] == -1
    layout = sheet_layout.Layout.of([(64, 64)], 1, titled=False)
    top, left = layout.tops[0], layout.left(0, 2)
    np.testing.assert_array_equal(sheet[top : top + 160, left : left + 160], colours.hatch((160, 160)))


def test_legend_has_the_classes_that_occur_and_marks_some(keys):
    sheet = np.array(viz.contact_sheet([sample(3), sample(1, halves(1, 4))], NAMES, marked=[0, 1, 4]))
    mark = sheet_layout.MARK
    assert keys[0].entries == [(1, "tree", mark), (3, "road", ""), (4, "car", mark)]
    panel = sheet[sheet_layout.Layout.of([(64, 64)] * 2, 2, titled=False).height :]
    for colour in viz.palette(3):
        assert (panel == colour).all(-1).sum() == round(1.8 * 14) * 14
    assert not (panel == viz.palette(4)[3]).all(-1).any()


def test_legend_fills_columns_and_stays_on_the_sheet(keys):
    names = [f"class of some length {number}" for number in range(40)]
    wide = sample(np.arange(64) % 40)
    for columns, samples in ((1, [wide]), (3, [wide] * 3)):
        picture = viz.contact_sheet(samples, names, marked=range(40), columns=columns)
        sheet, key = np.array(picture), keys[-1]
        across = -(-len(key.entries) // key.rows)
        assert across * key.entry_width + key.unit <= picture.width
        assert (across + 1) * key.entry_width + key.unit > picture.width
        assert (sheet[:, -key.unit // 2 :] == viz.PAPER).all() and (
            sheet[-key.unit // 2 :] == viz.PAPER
        ).all()


def test_narrow_sheets_grow_with_their_legend():
    layout = sheet_layout.Layout.of([(90, 9)], 1, titled=False)
    long = viz.contact_sheet([sample(0, size=(90, 9))], ["a name of many letters"], marked=[0])
    assert long.width > layout.width
    assert viz.contact_sheet([sample(0, size=(90, 9))], ["sky"]).width == layout.width


def test_colours_of_the_truth_stay_whatever_is_predicted():
    truths = [sample(halves(0, 4)), sample(halves(2, 4))]
    before = sheets._numbers(truths)
    after = sheets._numbers([sample(part.truth[0], halves(1, 3)) for part in truths])
    assert {label: after[label] for label in before} == before
    assert sorted(after) == [0, 1, 2, 3, 4] and sorted(after.values()) == [0, 1, 2, 3, 4]


def test_predicted_classes_are_told_from_the_truth_beside_them(monkeypatch):
    seen = []
    monkeypatch.setattr(sheets, "tell_apart", lambda groups, given=None: seen.append(groups) or {})
    sheets._numbers([sample(halves(0, 1), 2), sample(halves(-1, 3), halves(-1, 4))])
    assert seen == [[{0, 1}, {3}], [{0, 1, 2}, {3, 4}]]


@pytest.mark.parametrize(
    ("wrong", "text"),
    [(0, "100 % right"), (64, "0 % right"), (16, "75 % right"), (10, "84 % right")],
)
def test_caption(wrong, text):
    assert sheets.caption(sample(0, (np.arange(64) < wrong).astype(np.int32))) == text


def test_right_does_not_round_to_all_or_nothing():
    nearly = sample(0)
    nearly.prediction[0, 0] = 1
    assert sheets.caption(nearly) == "> 99 % right"
    assert sheets.caption(viz.Sample(nearly.image, 1 - nearly.truth, nearly.prediction, "a")) == "< 1 % right"


def test_right_counts_labelled_pixels_alone():
    assert sheets.caption(sample(halves(-1, 0), halves(1, 0))) == "100 % right"
    assert sheets.caption(sample(-1, -1)) == "no label"


@pytest.fixture
def written(monkeypatch):
    """All text that is drawn, in the order of drawing."""
    lines = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(
        ImageDraw.ImageDraw,
        "text",
        lambda pen, at, line, *args, **named: lines.append(line) or text(pen, at, line, *args, **named),
    )
    return lines


def test_what_is_written(written):
    samples = [sample(0, halves(0, 1), name="000001"), sample(2, name="猫")]
    viz.contact_sheet(samples, NAMES, marked=[2], title="step\n4000")
    assert written[:7] == ["step 4000", *sheet_layout.HEADINGS, *sheet_layout.HEADINGS]
    assert {
        "000001",
        "50 % right",
        "sample 2",
        "100 % right",
        "sky",
        "tree",
        "house",
        sheet_layout.MARK,
    } <= set(written)
    assert "road" not in written


def test_long_words_are_cut(written):
    long = "very " * 60
    sheet = viz.contact_sheet([sample(0, name=long)], [long], title=long)
    cut = [line for line in written if line.startswith("very")]
    assert len(cut) == 3 and all(line.endswith("…") for line in cut)
    large = ImageFont.load_default(20)
    assert large.getlength(cut[0]) <= sheet.width


def test_a_title_takes_room():
    plain, titled = (viz.contact_sheet([sample(0)], NAMES, title=title) for title in (None, "step 1"))
    assert titled.height > plain.height and titled.width == plain.width


def test_captions_stand_below_their_own_picture():
    flat, square = sample(0, size=(32, 64)), sample(0)
    sheet = np.array(viz.contact_sheet([flat, square], NAMES))
    layout = sheet_layout.Layout.of([(32, 64), (64, 64)], 2, titled=False)
    below = sheet[layout.tops[0] + 80 : layout.tops[0] + 105, layout.left(0, 0) : layout.left(0, 2) + 160]
    assert (below != viz.PAPER).any()


def test_sheets_of_the_embedded_benchmark(tmp_path):
    described = shapes.write(tmp_path / "shapes", train=0, val=12, captions=0)
    data = FolderDataset(preset("shapes", described.root, "validation"))
    samples = [
        viz.Sample(image, target, np.roll(target, 5, 1), data.name(number))
        for number, (image, target) in enumerate(data)
    ]
    sheet = viz.contact_sheet(samples, described.names, marked=described.unseen, title="shapes")
    assert sheet.mode == "RGB" and 1000 < sheet.width < 1200


def test_more_columns_than_samples():
    one, many = (viz.contact_sheet([sample(0)], NAMES, columns=columns) for columns in (1, 9))
    np.testing.assert_array_equal(np.array(one), np.array(many))


def test_no_label_anywhere(keys):
    viz.contact_sheet([sample(-1)], NAMES)
    assert keys[0].entries == [(-1, "no label", "")]


def test_without_predictions_labels_lie_over_the_photograph(keys):
    predicted = [sample(halves(0, 3), grey=30), sample(-1, grey=200)]
    samples = [replace(one, prediction=None) for one in predicted]
    sheet = np.array(viz.contact_sheet(samples, NAMES, columns=1))
    layout = sheet_layout.Layout.of([(64, 64)] * 2, 1, titled=False, headings=sheet_layout.LABELLED)
    assert layout.width < sheet_layout.Layout.of([(64, 64)] * 2, 1, titled=False).width
    assert [entry[1] for entry in keys[0].entries] == ["sky", "road", "no label"]
    y, x = middle(layout, 0, 1)
    dark, light = sheets.SHADES
    for place, colour in ((x - 40, viz.palette(2)[0]), (x + 40, viz.palette(2)[1])):
        expected = np.clip(colour * (dark + (light - dark) * 30 / 255), 0, 255)
        np.testing.assert_allclose(sheet[y, place], expected, atol=1)
    assert (sheet[y, x - 4 : x + 4] == viz.PAPER).all(-1).sum() == 1, "a line between the classes"
    y, x = middle(layout, 1, 1)
    shaded = np.clip(colours.hatch((160, 160)) * (dark + (light - dark) * 200 / 255), 0, 255)
    np.testing.assert_allclose(sheet[y - 80 : y + 80, x - 80 : x + 80], shaded, atol=1)


def test_how_much_has_a_label():
    part = sample(np.where(np.arange(64) < 16, 1, -1))
    assert sheets.caption(replace(part, prediction=None)) == "25 % labelled"
