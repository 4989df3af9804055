"""PASCAL Context with 59, 60 and 459 classes from small archives in the official formats."""

import json

import numpy as np
import pytest
from pycocotools import mask as masks

from ms_ovs.data.prepare.datasets import prepare
from ms_ovs.data.prepare.pascal_context import PASCAL_CONTEXT_59, PASCAL_CONTEXT_60, PASCAL_CONTEXT_459
from ms_ovs.data.reading import read_labels
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets
from tests.data.prepare.archives import jpeg, matlab, pack_tar
from tests.data.prepare.end_to_end import checked, opened, perfect_score, prepared

VOC = "VOCdevkit/VOC2010"
IDS = {label: number for number, label in datasets.get("pascal_context_59").raw_ids.items()}  # class: raw id
OTHER = next(number for number in range(1, 460) if number not in set(IDS.values()))
# a map of ids among the 459, 0 = none
IMAGES = {
    "2008_000002": ("train", [[IDS[0], IDS[0], 0], [IDS[58], OTHER, 0]]),
    "2008_000003": ("val", [[IDS[3], IDS[58], IDS[58]], [0, OTHER, 459]]),
    "2008_000007": ("val", [[OTHER, OTHER, 0], [0, 0, 0]]),  # none of the 59
    "2008_000008": ("val", [[0, 0, 0], [0, 0, 0]]),  # no annotation
    "2010_000009": ("test", [[IDS[0], 0, 0], [0, 0, 0]]),
}
COUNTS = {"training": 1, "validation": 2}


def piece(name, number, where):
    encoded = masks.encode(np.asfortranarray(np.asarray(where, np.uint8)))
    return {
        "id": 1,
        "image_id": int(name.replace("_", "")),
        "category_id": number,
        "iscrowd": 0,
        "segmentation": {"size": encoded["size"], "counts": encoded["counts"].decode()},
    }


def detail(*more):
    """trainval_merged.json: each piece is painted over a larger one before it."""
    pieces = []
    for name, (_, values) in IMAGES.items():
        values = np.array(values)
        for number in np.unique(values[values > 0]).tolist():
            pieces.append(piece(name, number, (values == number) | (values > number)))
    images = [
        {
            "file_name": f"{name}.jpg",
            "image_id": int(name.replace("_", "")),
            "phase": phase,
            "height": 2,
            "width": 3,
        }
        for name, (phase, _) in IMAGES.items()
    ]
    return {"info": {}, "images": images, "annos_segmentation": [*pieces, *more], "categories": []}


@pytest.fixture
def folder(tmp_path):
    """A folder with all that there is."""
    folder, photograph = tmp_path / "archives", jpeg(np.full((2, 3, 3), 50))
    photographs = {f"{VOC}/JPEGImages/{name}.jpg": photograph for name in (*IMAGES, "2009_other")}
    pack_tar(folder / "VOCtrainval_03-May-2010.tar", photographs | {f"{VOC}/Annotations/a.xml": b"junk"})
    maps = {
        f"trainval/{name}.mat": matlab(LabelMap=np.array(v, np.uint16)) for name, (_, v) in IMAGES.items()
    }
    pack_tar(folder / "trainval.tar.gz", maps)
    (folder / "trainval_merged.json").write_text(json.dumps(detail()))
    return folder


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


def made(root, folder):
    return {path.name: read_labels(path).tolist() for path in (root / VOC / folder).iterdir()}


def test_the_official_description():
    for recipe in (PASCAL_CONTEXT_59, PASCAL_CONTEXT_60, PASCAL_CONTEXT_459):
        assert recipe.counts == {"training": 4996, "validation": 5104}


def sound(name, root, counts):
    """Every split passes the check, and a perfect prediction has the perfect score; pixels by class."""
    found = {}
    for split, count in counts.items():
        status, output = checked(name, root, split)
        assert status == 0 and "nothing is wrong" in output
        data = opened(name, root, split)
        scores = perfect_score(data)
        assert len(data) == count and scores.miou_present == pytest.approx(1)
        found[split] = {place: n for place, n in enumerate(scores.target.tolist()) if n}
    return found


def test_60_classes(monkeypatch, folder, root):
    done = prepared(monkeypatch, "pascal_context_60", [folder], root, **COUNTS)
    assert done.counts == COUNTS and done.left_out == 0
    assert made(root, "SegmentationClassContext") == {
        "2008_000002.png": [[1, 1, 0], [59, 0, 0]],
        "2008_000003.png": [[4, 59, 59], [0, 0, 0]],
        "2008_000007.png": [[0, 0, 0], [0, 0, 0]],
    }
    lists = root / VOC / "ImageSets/SegmentationContext"
    assert (lists / "train.txt").read_text() == "2008_000002\n"
    assert (lists / "val.txt").read_text() == "2008_000003\n2008_000007\n"
    assert not (root / VOC / "Annotations").exists()
    pixels = sound("pascal_context_60", root, COUNTS)
    assert pixels == {"training": {0: 3, 1: 2, 59: 1}, "validation": {0: 9, 4: 1, 59: 2}}


def test_59_classes(monkeypatch, folder, root):
    done = prepared(monkeypatch, "pascal_context_59", [folder], root, **COUNTS)
    assert done.counts == {"training": 1, "validation": 1} and done.left_out == 1
    top = "annotations_detectron2_ovs"
    assert made(root, f"{top}/pc59_train") == {"2008_000002.png": [[0, 0, 255], [58, 255, 255]]}
    assert made(root, f"{top}/pc59_val") == {"2008_000003.png": [[3, 58, 58], [255, 255, 255]]}
    pixels = sound("pascal_context_59", root, done.counts)
    assert pixels == {"training": {0: 2, 58: 1}, "validation": {3: 1, 58: 2}}
    again = prepare("pascal_context_59", [folder], root)
    assert (again.made.written, again.made.kept, again.left_out) == (0, 2, 1)


def test_459_classes(monkeypatch, folder, root):
    done = prepared(monkeypatch, "pascal_context_459", [folder], root, **COUNTS)
    assert done.counts == COUNTS
    assert made(root, "annotations_detectron2_ovs/pc459_val") == {
        "2008_000003.tif": [[IDS[3] - 1, IDS[58] - 1, IDS[58] - 1], [65535, OTHER - 1, 458]],
        "2008_000007.tif": [[OTHER - 1, OTHER - 1, 65535], [65535] * 3],
    }
    assert sound("pascal_context_459", root, COUNTS)["validation"][458] == 1


def test_459_leaves_out_what_has_no_class(monkeypatch, folder, root):
    maps = {f"trainval/{name}.mat": matlab(LabelMap=np.ones((2, 3), np.uint16)) for name in IMAGES}
    maps["trainval/2008_000007.mat"] = matlab(LabelMap=np.zeros((2, 3), np.uint8))
    pack_tar(folder / "trainval.tar.gz", maps)
    done = prepared(monkeypatch, "pascal_context_459", [folder], root, **COUNTS)
    assert done.counts == {"training": 1, "validation": 1} and done.left_out == 1


def test_one_split(monkeypatch, folder, root):
    prepared(monkeypatch, "pascal_context_59", [folder], root, splits=["validation"], validation=2)
    assert not (root / VOC / "ImageSets/SegmentationContext/train.txt").exists()
    assert set(made(root, "SegmentationClassContext")) == {"2008_000003.png", "2008_000007.png"}


def test_original_maps_are_needed_for_459_alone(monkeypatch, folder, root):
    (folder / "trainval.tar.gz").unlink()
    assert prepared(monkeypatch, "pascal_context_60", [folder], root, **COUNTS).counts == COUNTS
    with pytest.raises(UserError, match=r"pascal_context_459 needs trainval.tar.gz, which --source does not"):
        prepare("pascal_context_459", [folder], root)


def test_the_other_trainval(monkeypatch, folder, root):
    pack_tar(folder / "trainval.tar.gz", {"Annotations_Part/2008_000003.mat": b"parts"})
    with pytest.raises(UserError, match="has no files in a folder 'trainval', but Annotations_Part: give"):
        prepared(monkeypatch, "pascal_context_459", [folder], root, **COUNTS)


@pytest.mark.parametrize(
    ("name", "archive", "member", "what"),
    [
        ("pascal_context_60", "VOCtrainval_03-May-2010.tar", VOC + "/JPEGImages/{}.jpg", "image"),
        ("pascal_context_459", "trainval.tar.gz", "trainval/{}.mat", "label map"),
    ],
)
def test_names_without_file(monkeypatch, folder, root, name, archive, member, what):
    photograph = jpeg(np.full((2, 3, 3), 50))
    some = {member.format(stem): photograph for stem in IMAGES if stem != "2008_000007"}
    pack_tar(folder / archive, some)
    rule = (
        rf"'2008_000007' of '.*trainval_merged.json' has no {what} 2008_000007\.\w+ in .*VOC2010/\w+ \(1 of 2"
    )
    with pytest.raises(UserError, match=rule):
        prepared(monkeypatch, name, [folder], root, splits=["validation"], validation=2)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "is not the JSON of PASCAL in Detail"),
        ("[]", "is not the JSON of PASCAL in Detail"),
        ('{"images": [], "annotations": []}', r"is not the JSON .*KeyError\('annos_segmentation'\).*: fetch"),
        (detail(piece("2008_000003", 460, np.ones((2, 3)))), "gives '2008_000003' a piece of category 460"),
        (detail(piece("2008_000003", -1, np.ones((2, 3)))), "gives '2008_000003' a piece of category -1"),
        (detail(piece("2008_000003", 2, np.ones((3, 2)))), r"'2008_000003' of \(height, width\) \(3, 2\)"),
        (
            detail(
                piece("2008_000003", 2, np.ones((2, 3))) | {"segmentation": {"size": [2, 3], "counts": "~~9"}}
            ),
            "a mask of '2008_000003' that cannot be read",
        ),
    ],
)
def test_a_json_that_is_no_good(monkeypatch, folder, root, content, rule):
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "trainval_merged.json").write_text(text)
    with pytest.raises(UserError, match=rf"trainval_merged.json' .*{rule}"):
        prepared(monkeypatch, "pascal_context_60", [folder], root, **COUNTS)


def test_original_maps_that_are_no_good(monkeypatch, folder, root):
    maps = {f"trainval/{name}.mat": matlab(LabelMap=np.full((2, 3), 460, np.uint16)) for name in IMAGES}
    pack_tar(folder / "trainval.tar.gz", maps)
    with pytest.raises(UserError, match=r"\.mat' holds 460; values go to 459.*\(1 of 1 files failed"):
        prepared(monkeypatch, "pascal_context_459", [folder], root, **COUNTS)
