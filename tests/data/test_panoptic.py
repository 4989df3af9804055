"""Panoptic data sets in COCO's format: reading, writing, and files that are not what they should be."""

import json

import numpy as np
import pytest
from PIL import Image

from ms_ovs.config import load
from ms_ovs.data import coco_panoptic
from ms_ovs.data.coco_panoptic import Category, PanopticFiles, locate
from ms_ovs.data.panoptic import PanopticDataset, PanopticSettings
from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError

CATEGORIES = (Category(id=17, name="cat", isthing=True), Category(id=187, name="sky", isthing=False))
IDS = np.array([[0, 70000, 70000], [258, 258, 258]], np.int32)


@pytest.fixture
def root(tmp_path):
    """Two images of 3×2 pixels; the second map is a crowd of cats."""
    for name in ("a", "deep/b"):
        (tmp_path / "images" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.zeros((2, 3, 3), np.uint8)).save(tmp_path / "images" / f"{name}.jpg")
    first = PanopticMap(IDS, (Segment(70000, 0), Segment(258, 1)))
    second = PanopticMap(np.full((2, 3), 1, np.int32), (Segment(1, 0, crowd=True),))
    maps = [("x", "deep/b", second), (9, "a", first)]
    path = coco_panoptic.write(tmp_path / "truth", maps, CATEGORIES, {"by": "hand"})
    path.rename(tmp_path / "truth.json")
    return tmp_path


def settings(root, **changes):
    given = {
        "image_dir": str(root / "images"),
        "panoptic_dir": str(root / "truth"),
        "panoptic_json": str(root / "truth.json"),
        "labels": "cat, sky",
    }
    return PanopticSettings(**{**given, **changes})


def test_a_data_set(root):
    data = PanopticDataset(settings(root))
    assert len(data) == 2 and data.things == (True, False) and data.table == {17: 0, 187: 1}
    assert [data.name(index) for index in range(2)] == ["a", "b"] and data.image_id(0) == 9
    image, truth = data[0]
    assert image.shape == (2, 3, 3) and truth.ids.dtype == np.int32
    np.testing.assert_array_equal(truth.ids, IDS)
    assert truth.segments == (Segment(70000, 0), Segment(258, 1))
    assert data.target(1).segments == (Segment(1, 0, crowd=True),)


def test_the_colours_of_a_segment(root):
    colours = np.array(Image.open(root / "truth/a.png"))
    assert colours[0, 1].tolist() == [70000 % 256, 70000 // 256 % 256, 1] and colours[1, 0].tolist() == [
        2,
        1,
        0,
    ]


def test_what_is_written_says_what_the_format_asks_for(root):
    content = json.loads((root / "truth.json").read_text())
    assert content["info"] == {"by": "hand"}
    assert content["categories"][1] == {"id": 187, "name": "sky", "isthing": 0}
    first = next(one for one in content["annotations"] if one["image_id"] == 9)
    assert first["file_name"] == "a.png"
    assert first["segments_info"][1] == {"id": 258, "category_id": 187, "iscrowd": 0, "area": 3}


def test_another_table_and_things(root):
    data = PanopticDataset(
        settings(root, labels="sky, cat, dog", table={17: 1, 187: 0}, things=["cat", "dog"])
    )
    assert data.things == (False, True, True) and data.target(0).segments[0].label == 1
    config = root / "panoptic.yaml"
    config.write_text(
        "\n".join(f"{key}: {value}" for key, value in settings(root).model_dump().items() if value)
    )
    assert load(config, PanopticSettings) == settings(root)


def edit(root, change):
    """Change the JSON file: `change(content)` works in place."""
    content = json.loads((root / "truth.json").read_text())
    change(content)
    (root / "truth.json").write_text(json.dumps(content))


def annotation(content):
    return next(one for one in content["annotations"] if one["image_id"] == 9)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (
            lambda c: annotation(c)["segments_info"][0].update(category_id=5),
            "'a.png' is of category 5; known are 17",
        ),
        (lambda c: c.pop("annotations"), "truth.json', at annotations: Field required"),
        (lambda c: annotation(c)["segments_info"][0].pop("id"), r"at annotations.1.segments_info.0.id"),
        (lambda c: annotation(c).update(image_id="x"), "lists image 'x' twice .'a.png' and 'deep/b.png'"),
        (lambda c: annotation(c).update(file_name="z.png"), r"z.png' is missing \(1 of 2"),
        (lambda c: c["categories"].pop(), "has 1 categories, the list 2 labels"),
        (lambda c: c["categories"][0].pop("isthing"), r"class 0 \(cat\) is neither thing nor stuff"),
        (lambda c: c["annotations"].remove(annotation(c)), "a.jpg' is not in .*truth.json"),
    ],
)
def test_a_json_file_that_does_not_fit(root, change, rule):
    edit(root, change)
    with pytest.raises(UserError, match=rule) as caught:
        PanopticDataset(settings(root))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"annotations": 3}'])
def test_a_damaged_json_file(root, content):
    (root / "truth.json").write_text(content)
    with pytest.raises(UserError, match=r"panoptic JSON '.*truth.json'") as caught:
        PanopticDataset(settings(root))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"panoptic_json": "gone.json"}, "'gone.json' cannot be read"),
        ({"things": ["cow"]}, "unknown label 'cow'"),
        ({"table": {17: 0, 187: 2}}, "leads to class 2"),
        ({"table": {17: 0}}, "of category 187; known are 17: check the table"),
        ({"table": {17: 0, 187: 0}}, r"class 0 \(cat\) is both thing and stuff"),
        ({"table": {17: 0, 187: 1}, "labels": "cat, sky, cow"}, r"class 2 \(cow\) is neither"),
        ({"image_suffix": ".png"}, "holds no files that end in '.png'"),
    ],
)
def test_settings_that_do_not_fit(root, changes, rule):
    with pytest.raises(UserError, match=rule):
        PanopticDataset(settings(root, **changes))


def test_a_map_without_image(root):
    (root / "images/a.jpg").unlink()
    with pytest.raises(UserError, match=r"map 'a.png' has no image in .* \(1 of 2 have no partner\)"):
        PanopticDataset(settings(root))


@pytest.mark.parametrize(
    ("damage", "rule"),
    [
        (
            lambda root: edit(root, lambda c: annotation(c)["segments_info"].pop()),
            "a.png': the map holds segment 258",
        ),
        (
            lambda root: edit(
                root, lambda c: annotation(c)["segments_info"].append({"id": 5, "category_id": 17})
            ),
            "a.png': segment 5 is listed and has no pixel",
        ),
        (lambda root: (root / "truth/a.png").write_text("no picture"), "a.png' cannot be read"),
        (
            lambda root: Image.fromarray(np.zeros((2, 4, 3), np.uint8)).save(root / "images/a.jpg"),
            "a.png' has 3×2 pixels, its image 4×2",
        ),
    ],
)
def test_a_file_that_is_not_what_it_should_be(root, damage, rule):
    damage(root)
    data = PanopticDataset(settings(root))
    with pytest.raises(UserError, match=rule) as caught:
        data[0]
    assert "\n" not in str(caught.value)
    assert data[1][1].segments, "the others are read"


def test_where_the_maps_are(root):
    assert locate(root / "truth.json") == (root / "truth.json", root / "truth"), "as COCO has it"
    with pytest.raises(UserError, match="holds 0 JSON files"):
        locate(root / "truth")
    inside = root / "truth" / "any.json"
    inside.write_text("{}")
    assert locate(root / "truth") == locate(inside) == (inside, root / "truth")
    with pytest.raises(UserError, match="does not exist"):
        locate(root / "nothing")


def test_writing_refuses_what_cannot_be_read_again(root, tmp_path):
    good = PanopticMap(IDS, (Segment(70000, 0), Segment(258, 1)))
    with pytest.raises(UserError, match="holds files already"):
        coco_panoptic.write(root / "truth", [], CATEGORIES)
    large = PanopticMap(np.full((1, 1), 2**24, np.int32), (Segment(2**24, 0),))
    with pytest.raises(UserError, match="large: segment 16777216 does not fit three bytes"):
        coco_panoptic.write(tmp_path / "new", [(1, "good", good), (2, "large", large)], CATEGORIES)
    assert not (tmp_path / "new" / coco_panoptic.JSON_NAME).exists(), "it comes last"
    unlisted = PanopticMap(IDS, (Segment(258, 1),))
    with pytest.raises(UserError, match="holds segment 70000"):
        coco_panoptic.write(tmp_path / "other", [(1, "x", unlisted)], CATEGORIES)


def test_predictions_need_no_categories(root):
    edit(root, lambda content: content.pop("categories") and content.pop("info"))
    files = PanopticFiles.open(root / "truth.json", root / "truth")
    assert files.categories == () and files.info is None and list(files.annotations) == [9, "x"]
    assert files.read("x", {17: 3}).segments[0].label == 3
