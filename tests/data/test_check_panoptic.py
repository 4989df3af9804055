"""Checking panoptic sets: numbers, and everything that can be wrong with their files."""

import json

import numpy as np
import pytest
from PIL import Image

from ms_ovs.config import save
from ms_ovs.data import coco_panoptic, named
from ms_ovs.data.census import IDS, IMAGE, LABELS, PARTNER, SIZES
from ms_ovs.data.check import check
from ms_ovs.data.coco_panoptic import Category
from ms_ovs.data.named import Described
from ms_ovs.data.panoptic import PanopticSettings
from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError

CATEGORIES = (Category(id=17, name="cat", isthing=True), Category(id=187, name="sky", isthing=False))


@pytest.fixture
def root(tmp_path):
    """Three images of 3×2 pixels: two cats and void, a crowd of cats below the sky, and nothing at all."""
    (tmp_path / "images").mkdir()
    for name in "abc":
        Image.new("RGB", (3, 2)).save(tmp_path / f"images/{name}.jpg")
    maps = [
        ("a", [[0, 7, 7], [70000, 70000, 70000]], (Segment(7, 0), Segment(70000, 0))),
        ("b", [[2, 2, 2], [1, 1, 1]], (Segment(1, 0, crowd=True), Segment(2, 1))),
        ("c", [[0, 0, 0], [0, 0, 0]], ()),
    ]
    path = coco_panoptic.write(
        tmp_path / "truth",
        [(name, name, PanopticMap(np.array(ids, np.int32), segments)) for name, ids, segments in maps],
        CATEGORIES,
    )
    path.rename(tmp_path / "truth.json")
    settings = PanopticSettings(
        image_dir=str(tmp_path / "images"),
        panoptic_dir=str(tmp_path / "truth"),
        panoptic_json=str(tmp_path / "truth.json"),
        labels="cat, sky",
    )
    save(settings, tmp_path / "set.yaml")
    return tmp_path


def found(root, workers=0):
    ((name, source),) = named.sources(str(root / "set.yaml")).items()
    return check(name, source, workers=workers)


@pytest.mark.parametrize("workers", [0, 2])
def test_numbers(root, workers):
    census = found(root, workers)
    summary = census.summary()
    assert summary["pairs"] == summary["pairs_without_fault"] == 3 and not summary["faults"]
    assert [(row["name"], row["pixels"], row["images"]) for row in summary["classes"]] == [
        ("cat", 8, 2),
        ("sky", 3, 1),
    ]
    assert (summary["pixels"], summary["ignored_pixels"]) == (18, 7)


def edit(root, change):
    """Change the first annotation in the JSON file."""
    content = json.loads((root / "truth.json").read_text())
    change(content["annotations"][0])
    (root / "truth.json").write_text(json.dumps(content))


def recategorise(annotation):
    annotation["segments_info"][1]["category_id"] = 18


def renumber(annotation):
    annotation["segments_info"][0]["id"] = 8


@pytest.mark.parametrize(
    ("damage", "kind", "text"),
    [
        (
            lambda root: edit(root, recategorise),
            IDS,
            "segment 70000 of 'a.png' is of category 18; known are 17, 187",
        ),
        (lambda root: edit(root, renumber), IDS, "a.png': the map holds segment 7, which is not listed"),
        (lambda root: (root / "truth/a.png").unlink(), PARTNER, "truth/a.png' is missing"),
        (lambda root: (root / "images/a.jpg").unlink(), PARTNER, "panoptic map 'a.png' has no image in"),
        (lambda root: Image.new("RGB", (3, 2)).save(root / "images/d.jpg"), PARTNER, "d.jpg' is not in"),
        (lambda root: (root / "truth/a.png").write_text("x"), LABELS, "a.png' cannot be read"),
        (lambda root: (root / "images/a.jpg").write_text("x"), IMAGE, "a.jpg' cannot be read"),
        (
            lambda root: Image.new("RGB", (2, 2)).save(root / "images/a.jpg"),
            SIZES,
            "has 3×2 pixels, its image 2×2",
        ),
    ],
)
def test_faults_are_told_and_the_others_counted(root, damage, kind, text):
    damage(root)
    census = found(root)
    (fault,) = census.counts.faults
    assert fault.kind == kind and text in fault.message
    assert census.counts.good == (3 if "d.jpg" in text else 2)


def test_a_table_that_does_not_fit(root):
    config = root / "set.yaml"
    config.write_text(config.read_text().replace("cat, sky", "cat, sky, dog"))
    with pytest.raises(UserError, match="has 2 categories, the list 3 labels"):
        found(root)


def test_a_named_set_that_lies_elsewhere(root):
    """A file NAME.yaml in the root tells of panoptic maps as of others."""
    settings = named.settings_for(str(root / "set.yaml"))
    save(Described(validation=settings), root / "coco_panoptic_133.yaml")
    assert named.settings_of("coco_panoptic_133", root, "validation") == settings
    (source,) = named.sources("coco_panoptic_133", root=root, split="validation").values()
    assert len(source) == 3


def test_a_tree_of_another_project(root, tmp_path):
    """COCO in the layout of detectron2 is read where it is."""
    tree = tmp_path / "theirs/coco"
    (tree / "annotations").mkdir(parents=True)
    (root / "images").rename(tree / "val2017")
    (root / "truth").rename(tree / "panoptic_val2017")
    content = json.loads((root / "truth.json").read_text())
    sky_and_cat = {category["id"]: category for category in content["categories"]}
    known = named.settings_of("coco_panoptic_133", root, "validation").table
    content["categories"] = [
        sky_and_cat.get(number, {"id": number, "name": "x", "isthing": 0}) for number in known
    ]
    (tree / "annotations/panoptic_val2017.json").write_text(json.dumps(content))
    counts = named.describe(
        "coco_panoptic_133", tmp_path / "theirs", tmp_path / "data", "detectron2", ["validation"]
    )
    assert counts == {"validation": 3}
    (source,) = named.sources("coco_panoptic_133", root=tmp_path / "data", split="validation").values()
    assert not check("coco", source).counts.faults
