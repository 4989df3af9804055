"""ADE20K panoptic from its archives: stuff, instances over it, both JSON files, and maps that disagree."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask

from ms_ovs.data.prepare.ade20k import ADE20K_150
from ms_ovs.data.prepare.ade20k_panoptic import things
from ms_ovs.data.prepare.datasets import DATASETS
from ms_ovs.errors import UserError
from tests.data.prepare import end_to_end, panoptic
from tests.data.prepare.archives import jpeg, pack_tar, pack_zip, png

FOLDER = "ADEChallengeData2016"
WALL, SKY, BED, FLAG = 1, 3, 8, 150  # of the 150; bed is category 1 of the instances, flag category 100
CLASSES = [[WALL, WALL, BED, BED, 0], [SKY, WALL, BED, FLAG, FLAG]]
# category and number of the instance; a pixel of bed 1 lies on the wall, the last of the flag is no instance
INSTANCES = [[(0, 0), (1, 1), (1, 1), (1, 2), (0, 0)], [(0, 0), (0, 0), (1, 1), (100, 3), (0, 0)]]
PANOPTIC = [[1, 8001, 8001, 8002, 0], [3, 1, 8001, 150003, 0]]
NAME = {"training": "ADE_train_00000001", "validation": "ADE_val_00000001"}


def encoded(instances):
    return png([[[category, number, 0] for category, number in row] for row in instances])


def pack(folder, classes=CLASSES, instances=INSTANCES):
    """Both archives, one image in each split."""
    first, second = {f"{FOLDER}/objectInfo150.txt": b"x"}, {}
    for split, name in NAME.items():
        first[f"{FOLDER}/images/{split}/{name}.jpg"] = jpeg(np.zeros((*np.shape(classes), 3)))
        first[f"{FOLDER}/annotations/{split}/{name}.png"] = png(classes)
        second[f"annotations_instance/{split}/{name}.png"] = encoded(instances)
    pack_zip(folder / "ADEChallengeData2016.zip", first)
    pack_tar(folder / "annotations_instance.tar", second)
    return [folder]


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def prepare(monkeypatch, tmp_path, root):
    def prepare(**changes):
        sources = pack(tmp_path / "downloads", **changes)
        return end_to_end.prepared(monkeypatch, "ade20k_panoptic", sources, root, training=1, validation=1)

    return prepare


def test_the_official_counts():
    assert DATASETS["ade20k_panoptic"].counts == ADE20K_150.counts == {"training": 20210, "validation": 2000}


def test_categories_of_instances_in_the_order_of_the_150():
    """As in the authors' table of the 100: the first, some between, and the last."""
    numbers = things().tolist()
    assert len(numbers) == 101 and numbers[:8] == [0, 8, 9, 11, 13, 15, 16, 19]
    assert (numbers[32], numbers[64], numbers[83], numbers[100]) == (56, 99, 128, 150)


def test_panoptic_maps(prepare, root):
    done = prepare()
    assert done.counts == {"training": 1, "validation": 1} and done.made.written == 2
    folder = root / FOLDER / "ade20k_panoptic_val"
    stored = np.array(Image.open(folder / "ADE_val_00000001.png"))
    assert stored.tolist() == panoptic.colours(PANOPTIC)
    content = json.loads(folder.with_suffix(".json").read_text())
    (annotation,) = content["annotations"]
    found = {one["id"]: one for one in annotation["segments_info"]}
    assert set(found) == {1, 3, 8001, 8002, 150003}
    assert found[8001] == {"id": 8001, "category_id": 7, "area": 3, "bbox": [1, 0, 2, 2], "iscrowd": 0}
    assert found[3]["category_id"] == 2 and found[150003]["category_id"] == 149
    assert [one["id"] for one in content["categories"]] == list(range(150))
    assert sum(one["isthing"] for one in content["categories"]) == 100
    assert content["images"][0]["file_name"] == "ADE_val_00000001.jpg"


def test_read_checked_and_scored(prepare, root):
    prepare()
    data = panoptic.opened("ade20k_panoptic", root)
    assert data.target(0).segments[2].label == 7 and sum(data.things) == 100
    assert panoptic.perfect_quality(data).quality().pq == 1
    assert end_to_end.perfect_score(end_to_end.opened("ade20k_150", root)).miou_present == pytest.approx(1)
    for name in ("ade20k_panoptic", "ade20k_150"):
        for split in NAME:
            assert end_to_end.checked(name, root, split)[0] == 0


def test_instances(prepare, root):
    prepare()
    content = json.loads((root / FOLDER / "ade20k_instance_val.json").read_text())
    assert [(one["id"], one["category_id"]) for one in content["annotations"]] == [(1, 7), (2, 7), (3, 149)]
    first = content["annotations"][0]
    assert first["image_id"] == "ADE_val_00000001" and (first["area"], first["bbox"]) == (3, [1, 0, 2, 2])
    assert mask.decode(first["segmentation"]).tolist() == [[0, 1, 1, 0, 0], [0, 0, 1, 0, 0]]
    assert len(content["categories"]) == 100 and content["categories"][0]["id"] == 7
    assert content["images"] == [
        {"id": "ADE_val_00000001", "file_name": "ADE_val_00000001.jpg", "width": 5, "height": 2}
    ]


def test_an_image_without_anything(prepare, root):
    prepare(classes=[[0, 0]], instances=[[(0, 0), (0, 0)]])
    data = panoptic.opened("ade20k_panoptic", root)
    assert not data.target(0).segments
    assert end_to_end.checked("ade20k_panoptic", root)[0] == 0


def instances_with(category, number, place=(0, 1)):
    rows = [list(row) for row in INSTANCES]
    rows[place[0]][place[1]] = (category, number)
    return rows


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"instances": instances_with(2, 1)}, "instance 1 is of the categories 1, 2; it must be of one"),
        ({"instances": instances_with(0, 9)}, "instance 9 is of the categories 0; it must be of one"),
        ({"instances": instances_with(101, 9)}, "holds 101; values go to 100"),
        ({"instances": [[(0, 0)]]}, "has 5×2 pixels, its image 1×1"),
        ({"classes": [[151] * 5] * 2}, "holds 151; values go to 150"),
        ({"classes": [[WALL] * 5] * 2}, "maps of classes call 0% the same .*annotations_instance.tar"),
    ],
)
def test_maps_that_do_not_fit(prepare, changes, rule):
    with pytest.raises(UserError, match=rule):
        prepare(**changes)


def test_missing_files(monkeypatch, tmp_path, root):
    (folder,) = pack(tmp_path / "downloads")
    options = {"splits": ["validation"], "validation": 1}
    pack_tar(
        folder / "annotations_instance.tar", {"annotations_instance/validation/other.png": encoded(INSTANCES)}
    )
    with pytest.raises(UserError, match=r"ADE_val_00000001.png' is gone"):
        end_to_end.prepared(monkeypatch, "ade20k_panoptic", [folder], root, **options)
    (folder / "annotations_instance.tar").unlink()
    with pytest.raises(UserError, match="ade20k_panoptic needs annotations_instance.tar, which"):
        end_to_end.prepared(monkeypatch, "ade20k_panoptic", [folder], tmp_path / "other", **options)


def test_after_the_maps_of_classes(monkeypatch, tmp_path, root):
    """What was unpacked for `ade20k_150` need not be given again."""
    (folder,) = pack(tmp_path / "downloads")
    counts = {"training": 1, "validation": 1}
    end_to_end.prepared(monkeypatch, "ade20k_150", [folder], root, **counts)
    source = folder / "annotations_instance.tar"
    done = end_to_end.prepared(monkeypatch, "ade20k_panoptic", [source], root, **counts)
    assert done.counts == counts and done.files.written == 2
