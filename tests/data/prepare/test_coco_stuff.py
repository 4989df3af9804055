"""COCO-Stuff from its archives: 182 ids to 171 classes, images without a label, and the split 156 + 15."""

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.named import settings_of
from ms_ovs.data.prepare.datasets import DATASETS
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets
from tests.data.prepare import end_to_end
from tests.data.prepare.archives import jpeg, pack_zip, png

UNUSED = (11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90)  # pixels of the ids that COCO never gave
EVERY = [value for value in range(182) if value not in UNUSED] + [255] * 9  # 12 × 15
FIRST = np.array(EVERY, np.uint8).reshape(12, 15)
MAPS = {
    "train2017": {"000000000009": FIRST, "000000000025": np.full((12, 15), 255)},
    "val2017": {"000000000139": FIRST.T, "000000000285": np.full((4, 5), 181)},
}
COUNTS = {"training": 2, "validation": 2}


def pack(folder, maps=MAPS):
    """The three archives."""
    stuff = {}
    for short, files in maps.items():
        images = {}
        for name, values in files.items():
            images[f"{short}/{name}.jpg"] = jpeg(np.zeros((*values.shape, 3)))
            stuff[f"{short}/{name}.png"] = png(values)
        pack_zip(folder / f"{short}.zip", images)
    pack_zip(folder / "stuffthingmaps_trainval2017.zip", stuff)
    return [folder]


@pytest.fixture
def prepare(monkeypatch, tmp_path):
    def prepare(maps=MAPS, **options):
        sources = pack(tmp_path / "downloads", maps)
        return end_to_end.prepared(
            monkeypatch, "coco_stuff_171", sources, tmp_path / "data", **{**COUNTS, **options}
        )

    return prepare


def test_the_official_counts():
    assert DATASETS["coco_stuff_171"].counts == {"training": 118287, "validation": 5000}


def test_every_category_has_its_class(prepare, tmp_path):
    done = prepare()
    assert done.counts == {"training": 1, "validation": 2} and done.left_out == 1
    data = end_to_end.opened("coco_stuff_171", tmp_path / "data", "training")
    assert len(data) == 1, "the image without a label is left out"
    classes = data.target(0).ravel()
    assert classes.tolist() == [*range(171), *[-1] * 9]
    names = data.vocabulary.names
    stored = dict(zip(FIRST.ravel().tolist(), classes.tolist(), strict=True))
    assert [names[stored[value]] for value in (0, 12, 89, 91, 181)] == [
        "person",
        "stop sign",
        "toothbrush",
        "banner",
        "wood",
    ]


def test_read_checked_and_scored(prepare, tmp_path):
    prepare()
    for split in COUNTS:
        status, out = end_to_end.checked("coco_stuff_171", tmp_path / "data", split)
        assert status == 0 and "nothing is wrong" in out
    data = end_to_end.opened("coco_stuff_171", tmp_path / "data")
    assert end_to_end.perfect_score(data).miou == pytest.approx(1)


def test_the_unseen_classes_can_be_hidden(prepare, tmp_path):
    prepare()
    settings = settings_of("coco_stuff_171", tmp_path / "data", "training")
    hidden = FolderDataset(settings.model_copy(update={"hidden": "coco_stuff_unseen15"}))
    plain, target = FolderDataset(settings).target(0), hidden.target(0)
    unseen = datasets.get("coco_stuff_171").unseen
    assert len(unseen) == 15 and set(plain[target != plain].tolist()) == set(unseen)
    assert not np.isin(target, unseen).any() and len(np.unique(target)) == 156 + 1


def test_again_and_one_split(monkeypatch, prepare, tmp_path):
    prepare(splits=["validation"])
    assert not (tmp_path / "data/coco/train2017").exists()
    again = prepare()
    assert (again.made.written, again.made.kept, again.left_out) == (1, 2, 1)


@pytest.mark.parametrize("value", [11, 182])
def test_values_that_are_no_category(prepare, value):
    wrong = {**MAPS, "val2017": {"000000000139": np.full((4, 5), value)}}
    with pytest.raises(
        UserError, match=f"000000000139.png' holds {value}, which is no category of COCO-Stuff"
    ):
        prepare(wrong)


def test_a_map_without_image(prepare, tmp_path):
    prepare()
    (tmp_path / "data/coco/val2017/000000000139.jpg").unlink()
    status, out = end_to_end.checked("coco_stuff_171", tmp_path / "data")
    assert status == 1 and "no partner: label map" in " ".join(out.split())


def test_the_number_of_pairs(prepare):
    with pytest.raises(UserError, match="has 2 pairs for training, coco_stuff_171 has 3: remove"):
        prepare(training=3)


def test_maps_are_grey_pictures_of_8_bits(prepare, tmp_path):
    prepare()
    path = tmp_path / "data/coco/stuffthingmaps_detectron2/val2017/000000000285.png"
    with Image.open(path) as picture:
        assert picture.mode == "L" and np.array(picture).tolist() == [[170] * 5] * 4
