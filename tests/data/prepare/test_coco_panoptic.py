"""COCO panoptic from its archives: inner archives, colours as ids, crowds, and maps of classes."""

import io
import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.prepare.datasets import DATASETS
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets
from tests.data.prepare import end_to_end, panoptic
from tests.data.prepare.archives import jpeg, pack_zip, png

ARCHIVE = "panoptic_annotations_trainval2017.zip"
BIG = 3226956  # needs three bytes
# void, a person, a crowd of people, sky (category 187)
IDS = [[0, BIG, BIG, 300], [0, 187 * 256, 300, 300]]
SEGMENTS = [
    {"id": BIG, "category_id": 1, "iscrowd": 0, "bbox": [1, 0, 2, 1], "area": 2},
    {"id": 300, "category_id": 1, "iscrowd": 1, "bbox": [2, 0, 2, 2], "area": 3},
    {"id": 187 * 256, "category_id": 187, "iscrowd": 0, "bbox": [1, 1, 1, 1], "area": 1},
]
COUNTS = {"training": 1, "validation": 2}


def categories():
    """As in the JSON files of COCO."""
    known = datasets.get("coco_panoptic_133")
    return [
        {
            "supercategory": "any",
            "id": raw,
            "isthing": int(known.things[n]),
            "name": known.vocabulary.names[n],
        }
        for raw, n in known.raw_ids.items()
    ]


def listing(maps):
    """The JSON file of {image id: (ids, segments)}."""
    return {
        "info": {"description": "COCO 2018 Panoptic Dataset", "year": 2018},
        "licenses": [{"id": 1, "name": "any", "url": "any"}],
        "images": [
            {"id": number, "file_name": f"{number:012}.jpg", "height": len(ids), "width": len(ids[0])}
            for number, (ids, _) in maps.items()
        ],
        "annotations": [
            {"segments_info": segments, "file_name": f"{number:012}.png", "image_id": number}
            for number, (_, segments) in maps.items()
        ],
        "categories": categories(),
    }


class Archives:
    """The three archives; tests change `maps`, `listings` and `inner` before they are packed."""

    def __init__(self):
        self.maps = {
            "train2017": {9: (IDS, SEGMENTS)},
            "val2017": {139: (IDS, SEGMENTS), 285: ([[0, 0, 0]], [])},  # the second is all void
        }
        self.listings = {short: listing(maps) for short, maps in self.maps.items()}
        self.inner = {}
        for short, maps in self.maps.items():
            data = io.BytesIO()
            with zipfile.ZipFile(data, "w") as archive:
                archive.writestr(f"panoptic_{short}/", "")
                archive.writestr("__MACOSX/._x", b"junk")
                for number, (ids, _) in maps.items():
                    archive.writestr(f"panoptic_{short}/{number:012}.png", png(panoptic.colours(ids)))
            self.inner[short] = data.getvalue()

    def pack(self, folder):
        outer = {"__MACOSX/annotations/._panoptic_val2017.json": b"junk"}
        for short, maps in self.maps.items():
            images = {
                f"{short}/{number:012}.jpg": jpeg(np.zeros((len(ids), len(ids[0]), 3)))
                for number, (ids, _) in maps.items()
            }
            pack_zip(folder / f"{short}.zip", images)
            outer[f"annotations/panoptic_{short}.json"] = json.dumps(self.listings[short]).encode()
            outer[f"annotations/panoptic_{short}.zip"] = self.inner[short]
        pack_zip(folder / ARCHIVE, outer)
        return [folder]


@pytest.fixture
def archives():
    return Archives()


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def prepare(monkeypatch, tmp_path, archives, root):
    def prepare(**options):
        sources = archives.pack(tmp_path / "downloads")
        return end_to_end.prepared(monkeypatch, "coco_panoptic_133", sources, root, **{**COUNTS, **options})

    return prepare


def test_the_official_counts():
    assert DATASETS["coco_panoptic_133"].counts == {"training": 118287, "validation": 5000}


def test_panoptic_maps(prepare, root):
    assert prepare().counts == COUNTS
    data = panoptic.opened("coco_panoptic_133", root)
    assert (data.name(0), data.image_id(1)) == ("000000000139", 285)
    truth = data.target(0)
    assert truth.ids.tolist() == IDS
    sky = data.vocabulary.names.index("sky-other-merged")
    assert [(one.id, one.label, one.crowd) for one in truth.segments] == [
        (BIG, 0, False),
        (300, 0, True),
        (187 * 256, sky, False),
    ]
    assert sum(data.things) == 80 and not data.target(1).segments
    assert panoptic.perfect_quality(data).quality().pq == 1


def test_maps_of_classes(prepare, root):
    prepare()
    data = end_to_end.opened("coco_semantic_133", root)
    sky = data.vocabulary.names.index("sky-other-merged")
    assert data.target(0).tolist() == [[-1, 0, 0, 0], [-1, sky, 0, 0]]
    assert len(data) == 2 and (data.target(1) == -1).all(), "all void, and there all the same"
    path = root / "coco/panoptic_semseg_val2017/000000000139.png"
    with Image.open(path) as picture:
        assert picture.mode == "L" and np.array(picture)[0, 0] == 255
    assert end_to_end.perfect_score(data).miou_present == pytest.approx(1)


def test_both_are_checked(prepare, root):
    prepare()
    for name in ("coco_panoptic_133", "coco_semantic_133"):
        for split in COUNTS:
            status, out = end_to_end.checked(name, root, split)
            assert status == 0 and f"nothing is wrong with the files of {name}" in out


def test_one_split_and_again(prepare, root):
    done = prepare(splits=["validation"])
    assert done.counts == {"validation": 2} and not (root / "coco/panoptic_train2017").exists()
    again = prepare()
    assert (again.made.written, again.made.kept) == (1, 2)


@pytest.mark.parametrize("length", [0, 60, -30])
def test_an_inner_archive_that_is_cut_short(archives, prepare, length):
    archives.inner["val2017"] = archives.inner["val2017"][:length]
    with pytest.raises(
        UserError, match=r"panoptic_val2017.zip' is (damaged|neither a zip nor a tar, or is cut)"
    ):
        prepare()


def test_a_map_that_is_not_in_the_inner_archive(archives, prepare):
    archives.listings["val2017"]["annotations"][0]["file_name"] = "000000000140.png"
    with pytest.raises(
        UserError, match=r"000000000140.png' is missing \(1 of 2 that .*panoptic_val2017.json"
    ):
        prepare()


@pytest.mark.parametrize(
    ("segment", "rule"),
    [
        (
            {"category_id": 12},
            "segment 300 of '000000000139.png' is of category 12; known are 133 from 1 to 200",
        ),
        ({"id": 301}, "000000000139.png': the map holds segment 300, which is not listed"),
    ],
)
def test_segments_that_do_not_fit(archives, prepare, segment, rule):
    listed = archives.listings["val2017"]["annotations"][0]
    listed["segments_info"] = [SEGMENTS[0], {**SEGMENTS[1], **segment}, SEGMENTS[2]]
    with pytest.raises(UserError, match=rule):
        prepare()


def test_missing_archives(prepare, root, tmp_path, archives, monkeypatch):
    (folder,) = archives.pack(tmp_path / "downloads")
    (folder / ARCHIVE).unlink()
    options = {"splits": ["validation"], "validation": 2}
    with pytest.raises(UserError, match=f"coco_panoptic_133 needs {ARCHIVE}, which"):
        end_to_end.prepared(monkeypatch, "coco_panoptic_133", [folder], root, **options)
    (root / "coco/annotations").mkdir(parents=True)  # of other parts of COCO
    with pytest.raises(UserError, match=f"panoptic_val2017.json' is not there: give {ARCHIVE}"):
        end_to_end.prepared(monkeypatch, "coco_panoptic_133", [folder], root, **options)


def test_images_that_are_not_whole(prepare, archives):
    del archives.maps["val2017"][285]
    with pytest.raises(UserError, match="coco_panoptic_133 is not whole after unpacking: .*000000000285"):
        prepare()
