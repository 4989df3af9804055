"""Cityscapes from its archives: ids to classes, and instances to panoptic maps as createPanopticImgs does."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.prepare.datasets import DATASETS
from ms_ovs.errors import UserError
from tests.data.prepare import end_to_end, panoptic
from tests.data.prepare.archives import pack_zip, png

# road, sidewalk, ground; car, person, caravan and bicycle with a number and without
LABEL_IDS = [[7, 8, 6, 26, 26, 24, 24, 29], [7, 7, 0, 33, 26, 24, 24, 29]]
INSTANCES = [[7, 8, 6, 26, 26001, 24000, 24001, 29], [7, 7, 0, 33002, 26001, 24000, 24001, 29000]]
PLACES = {
    "training": ("train", "aachen", "aachen_000000_000019"),
    "validation": ("val", "ulm", "ulm_000001_000019"),
}


def sixteen_bits(values):
    buffer = io.BytesIO()
    Image.fromarray(np.array(values, np.uint16)).save(buffer, "PNG")
    return buffer.getvalue()


def official(label_ids=LABEL_IDS, instances=INSTANCES):
    """{archive: {name: content}} with an image in each split, and more that the archives hold."""
    images, truth = {"README": b"r", "license.txt": b"l"}, {"README": b"r", "license.txt": b"l"}
    for short, city, name in PLACES.values():
        stem = f"{short}/{city}/{name}"
        images[f"leftImg8bit/{stem}_leftImg8bit.png"] = png(np.zeros((2, 8, 3)))
        truth[f"gtFine/{stem}_gtFine_labelIds.png"] = png(label_ids)
        truth[f"gtFine/{stem}_gtFine_instanceIds.png"] = sixteen_bits(instances)
        truth[f"gtFine/{stem}_gtFine_color.png"] = png(np.zeros((2, 8, 4))[..., :3])
        truth[f"gtFine/{stem}_gtFine_polygons.json"] = b"{}"
    images["leftImg8bit/test/berlin/berlin_0_0_leftImg8bit.png"] = b"not wanted"
    return {"leftImg8bit_trainvaltest.zip": images, "gtFine_trainvaltest.zip": truth}


@pytest.fixture
def source(tmp_path):
    def source(**changes):
        for name, files in official(**changes).items():
            pack_zip(tmp_path / "downloads" / name, files)
        return [tmp_path / "downloads"]

    return source


@pytest.fixture
def prepare(monkeypatch, tmp_path, source):
    """Prepare a set of one image in each split; returns the root."""

    def prepare(name, **changes):
        options = {"training": 1, "validation": 1}
        end_to_end.prepared(monkeypatch, name, source(**changes), tmp_path / "data", **options)
        return tmp_path / "data"

    return prepare


def test_the_official_counts():
    for name in ("cityscapes_19", "cityscapes_panoptic"):
        assert DATASETS[name].counts == {"training": 2975, "validation": 500}


def test_classes(prepare):
    root = prepare("cityscapes_19")
    data = end_to_end.opened("cityscapes_19", root, "training")
    assert data.target(0).tolist() == [[0, 1, -1, 13, 13, 11, 11, -1], [0, 0, -1, 18, 13, 11, 11, -1]]
    assert data.name(0) == "aachen_000000_000019_leftImg8bit"
    written = root / "cityscapes/gtFine/train/aachen/aachen_000000_000019_gtFine_labelTrainIds.png"
    assert np.array(Image.open(written)).max() == 255
    assert not (root / "cityscapes/leftImg8bit/test").exists()
    for split in PLACES:
        assert end_to_end.checked("cityscapes_19", root, split)[0] == 0
    assert end_to_end.perfect_score(data).miou_present == pytest.approx(1)


def test_an_image_that_is_all_ignored_stays(prepare):
    root = prepare("cityscapes_19", label_ids=[[0] * 8, [4] * 8])
    assert (end_to_end.opened("cityscapes_19", root).target(0) == -1).all()
    assert end_to_end.checked("cityscapes_19", root)[0] == 0


def test_panoptic_maps(prepare):
    root = prepare("cityscapes_panoptic")
    folder = root / "cityscapes/gtFine/cityscapes_panoptic_val"
    content = json.loads(folder.with_suffix(".json").read_text())
    assert content["images"] == [
        {
            "id": "ulm_000001_000019",
            "width": 8,
            "height": 2,
            "file_name": "ulm_000001_000019_gtFine_leftImg8bit.png",
        }
    ]
    (annotation,) = content["annotations"]
    assert annotation["image_id"] == "ulm_000001_000019"
    assert annotation["file_name"] == "ulm_000001_000019_gtFine_panoptic.png"
    found = {one["id"]: one for one in annotation["segments_info"]}
    assert found[26001] == {"id": 26001, "category_id": 26, "area": 2, "bbox": [4, 0, 1, 2], "iscrowd": 0}
    assert found[26] == {"id": 26, "category_id": 26, "area": 1, "bbox": [3, 0, 1, 1], "iscrowd": 1}
    assert found[7] == {"id": 7, "category_id": 7, "area": 3, "bbox": [0, 0, 2, 2], "iscrowd": 0}
    assert set(found) == {7, 8, 26, 26001, 24000, 24001, 33002}
    stored = np.array(Image.open(folder / annotation["file_name"]))
    wanted = [[0 if value in (6, 0, 29, 29000) else value for value in row] for row in INSTANCES]
    assert stored.tolist() == panoptic.colours(wanted)
    things = [one["id"] for one in content["categories"] if one["isthing"]]
    assert len(content["categories"]) == 19 and things == [24, 25, 26, 27, 28, 31, 32, 33]


def test_panoptic_maps_are_read_checked_and_scored(prepare):
    root = prepare("cityscapes_panoptic")
    data = panoptic.opened("cityscapes_panoptic", root)
    assert data.images[0] == root / "cityscapes/leftImg8bit/val/ulm/ulm_000001_000019_leftImg8bit.png"
    labels = {segment.id: (segment.label, segment.crowd) for segment in data.target(0).segments}
    assert labels[24001] == (11, False) and labels[26] == (13, True)
    assert panoptic.perfect_quality(data).quality().pq == 1
    status, out = end_to_end.checked("cityscapes_panoptic", root)
    assert status == 0 and "nothing is wrong with the files of cityscapes_panoptic" in out


@pytest.mark.parametrize(
    ("name", "changes", "rule"),
    [
        ("cityscapes_19", {"label_ids": [[34] * 8] * 2}, r"labelIds.png' holds 34; values go to 33"),
        (
            "cityscapes_panoptic",
            {"instances": [[34000] * 8] * 2},
            r"instanceIds.png' holds 34000; values are",
        ),
        ("cityscapes_panoptic", {"instances": [[34] * 8] * 2}, r"instanceIds.png' holds 34; values are"),
    ],
)
def test_ids_that_there_are_not(prepare, name, changes, rule):
    with pytest.raises(UserError, match=rule):
        prepare(name, **changes)


def test_missing_files(monkeypatch, tmp_path, source):
    (folder,) = source()
    pack_zip(
        folder / "leftImg8bit_trainvaltest.zip",
        {"leftImg8bit/val/ulm/other_leftImg8bit.png": png(np.zeros((2, 8, 3)))},
    )
    for name, rule in (
        ("cityscapes_19", "label map '.*' has no image in"),
        ("cityscapes_panoptic", "panoptic map 'ulm_000001_000019_gtFine_panoptic.png' has no image in"),
    ):
        with pytest.raises(UserError, match=f"{name} is not whole after unpacking: {rule}"):
            end_to_end.prepared(
                monkeypatch, name, [folder], tmp_path / name, splits=["validation"], validation=1
            )
    (folder / "gtFine_trainvaltest.zip").unlink()
    with pytest.raises(UserError, match="cityscapes_19 needs gtFine_trainvaltest.zip, which"):
        end_to_end.prepared(monkeypatch, "cityscapes_19", [folder], tmp_path / "none", validation=1)


def test_again(monkeypatch, tmp_path, source):
    """A second run keeps what is there, a map that was deleted is made and the JSON file with it."""
    options = {"splits": ["validation"], "validation": 1}
    sources, root = source(), tmp_path / "data"
    first = end_to_end.prepared(monkeypatch, "cityscapes_panoptic", sources, root, **options)
    assert (first.made.written, first.made.kept) == (1, 0)
    listed = root / "cityscapes/gtFine/cityscapes_panoptic_val.json"
    before = listed.stat().st_mtime_ns
    again = end_to_end.prepared(monkeypatch, "cityscapes_panoptic", sources, root, **options)
    assert (again.made.written, again.made.kept) == (0, 1) and listed.stat().st_mtime_ns == before
    (listed.with_suffix("") / "ulm_000001_000019_gtFine_panoptic.png").unlink()
    again = end_to_end.prepared(monkeypatch, "cityscapes_panoptic", sources, root, **options)
    assert again.made.written == 1 and listed.stat().st_mtime_ns > before
