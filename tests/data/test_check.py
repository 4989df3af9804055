"""Counts by hand, and one of every fault."""

import json

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data import named, shapes
from ms_ovs.data.census import IDS, IMAGE, LABELS, PARTNER, SIZES
from ms_ovs.data.check import CHUNK, Folders, check
from ms_ovs.data.prepare.ade20k import ADE20K_150
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels


def census(folder, **options):
    return check("set", Folders.of(folder.settings), **options)


def test_counts_of_a_whole_set(folder):
    stored = {path: np.array(Image.open(path)) for path in (folder.root / "maps").rglob("*.png")}
    told = []
    summary = census(folder, progress=lambda *values: told.append(values)).summary()
    assert json.loads(json.dumps(summary)) == summary
    assert told == [(9, 9)]
    assert (summary["pairs"], summary["pairs_without_fault"], summary["faults"]) == (9, 9, [])
    assert summary["pixels"] == 9 * 16 * 20 and summary["other_pixels"] == 0
    ignored = sum(int((values == 0).sum()) for values in stored.values())
    assert summary["ignored_pixels"] == ignored
    assert summary["ignored_share"] == pytest.approx(ignored / summary["pixels"])
    for number, (name, row) in enumerate(zip(("sky", "wall", "cat"), summary["classes"], strict=True)):
        pixels = sum(int((values == number + 1).sum()) for values in stored.values())
        assert row == {"label": number, "name": name, "pixels": pixels, "images": 9}
    assert summary["sides"]["short side"] == {"min": 16, "median": 16, "max": 16}


def test_sides_and_images_of_a_class(folder):
    for number, (height, width) in enumerate([(2, 9), (30, 4), (5, 5)]):
        for name, shape in ((f"images/{number}9.png", (height, width, 3)), (f"maps/{number}9_ids.png", None)):
            values = np.zeros(shape or (height, width), np.uint8)
            Image.fromarray(values + (2 if shape is None and number == 1 else 0)).save(folder.root / name)
    for number in range(9):
        for path in folder.root.rglob(f"{number}*.png"):
            if path.stem.split("_")[0] == str(number):
                path.unlink()
    summary = census(folder).summary()
    assert summary["sides"] == {
        "short side": {"min": 2, "median": 4, "max": 5},
        "long side": {"min": 5, "median": 9, "max": 30},
    }
    assert [row["images"] for row in summary["classes"]] == [0, 1, 0]
    assert [row["pixels"] for row in summary["classes"]] == [0, 120, 0]
    assert summary["ignored_pixels"] == 18 + 25


@pytest.fixture
def faulty(folder):
    """One fault of every kind; 0 and 2 lack a partner, 4 and five others are good."""
    (folder.root / "images/0.png").unlink()
    (folder.root / "maps/2_ids.png").unlink()
    (folder.root / "images/deep/1.png").write_text("no picture")
    Image.new("RGB", (20, 16)).save(folder.root / "maps/deep/3_ids.png")
    Image.new("RGB", (7, 5)).save(folder.root / "images/deep/5.png")
    Image.new("L", (20, 16), 77).save(folder.root / "maps/deep/7_ids.png")
    return folder


def test_every_fault_is_told(faulty):
    found = census(faulty)
    assert found.faults_by_kind == dict.fromkeys([PARTNER, IMAGE, LABELS, SIZES, IDS], 1) | {PARTNER: 2}
    messages = {fault.kind: fault.message for fault in found.counts.faults if "images/2" not in fault.message}
    assert "0_ids.png' has no image" in messages[PARTNER]
    assert "deep/1.png' cannot be read" in messages[IMAGE]
    assert "deep/3_ids.png' is a picture of mode RGB" in messages[LABELS]
    assert "has 20×16 pixels, its image 7×5" in messages[SIZES]
    assert "deep/7_ids.png' holds 77; values are 1 to 3" in messages[IDS]
    summary = found.summary()
    assert (summary["pairs"], summary["pairs_without_fault"]) == (7, 3)
    assert summary["pixels"] == 3 * 16 * 20 and summary["sides"]["long side"]["min"] == 7
    assert len(summary["faults"]) == 6


def test_a_pair_may_have_two_faults(folder):
    Image.new("L", (7, 5), 77).save(folder.root / "maps/0_ids.png")
    assert census(folder).faults_by_kind == {SIZES: 1, IDS: 1}


def test_a_file_cut_short(folder):
    path = folder.root / "images/0.png"
    path.write_bytes(path.read_bytes()[:-100])
    assert census(folder).faults_by_kind == {IMAGE: 1}


def test_nothing_can_be_read(folder):
    for path in folder.root.rglob("*.png"):
        path.write_text("no picture")
    summary = census(folder).summary()
    assert summary["fault_counts"] == {IMAGE: 9, LABELS: 9}
    assert summary["sides"] == {} and summary["ignored_share"] == 0 and summary["pixels"] == 0
    assert census(folder).side_table().row_count == 0


def test_workers_change_nothing(tmp_path):
    data = shapes.write(tmp_path / "shapes", seed=0, train=0, val=2 * CHUNK + 1, captions=0, size=32)
    (data.root / "images/validation/000003.jpg").write_text("no picture")
    (source,) = named.sources("shapes", root=data.root, split="validation").values()
    told = []
    found = check("set", source, workers=2, progress=lambda *values: told.append(values))
    assert found.summary() == check("set", source).summary()
    assert [done for done, _ in told] == [CHUNK, 2 * CHUNK, 2 * CHUNK + 1]


class Deadly:
    """Ends the process that reads it."""

    names, class_ids, faults = ("a",), (0,), ()

    def __len__(self):
        return 2 * CHUNK

    def paths(self, index):
        import os

        os._exit(3)


def test_a_worker_that_dies():
    with pytest.raises(UserError, match="a worker died, perhaps for lack of memory"):
        check("set", Deadly(), workers=1)


def test_names(tmp_path):
    data = shapes.write(tmp_path / "shapes", seed=0, train=2, val=1, captions=0, size=32)
    found = named.sources("shapes", root=data.root)
    assert {name: len(source) for name, source in found.items()} == {
        "shapes training": 2,
        "shapes validation": 1,
    }
    (validation,) = named.sources("shapes", root=data.root, split="validation").values()
    assert validation.names == data.names
    for part in ("images", "annotations"):
        (tmp_path / ADE20K_150.folder / part).mkdir(parents=True)
        (data.root / part / "validation").rename(tmp_path / ADE20K_150.folder / part / "validation")
    for root in (tmp_path, tmp_path / ADE20K_150.folder):  # the folder, or what holds it
        (source,) = named.sources("ade20k_150", root=root, split="validation").values()
        assert len(source) == 1 and len(source.names) == 150


@pytest.fixture
def pascal(tmp_path):
    """Fold 0 for testing: two photographs with classes 0 and 2, of which one has a border."""
    values = {"a": [[1, 1, 1, 255]], "b": [[3, 0, 0, 1]]}
    for folder in ("JPEGImages", "SegmentationClassAug"):
        (tmp_path / "VOC2012" / folder).mkdir(parents=True)
    for name, stored in values.items():
        Image.new("RGB", (4, 1)).save(tmp_path / f"VOC2012/JPEGImages/{name}.jpg")
        Image.fromarray(np.array(stored, np.uint8)).save(
            tmp_path / f"VOC2012/SegmentationClassAug/{name}.png"
        )
    (tmp_path / "pascal/val").mkdir(parents=True)
    (tmp_path / "pascal/val/fold0.txt").write_text("a__01\nb__03\n")
    return tmp_path


def test_few_shot_sets(pascal):
    options = dict(root=pascal, splits=pascal, fold=0, split="test")
    (name, source), *_ = named.sources("pascal5i", **options).items()
    assert name == "pascal5i fold 0 test"
    summary = check(name, source).summary()
    assert summary["pairs_without_fault"] == summary["pairs"] == 1000
    rows = {row["label"]: (row["pixels"], row["images"]) for row in summary["classes"]}
    assert rows == {0: (1500, 500), 1: (0, 0), 2: (500, 500), 3: (0, 0), 4: (0, 0)}
    assert summary["classes"][0]["name"] == labels.parse("pascal5i").names[0]
    assert (summary["pixels"], summary["ignored_pixels"], summary["other_pixels"]) == (4000, 500, 1500)
    (pascal / "VOC2012/JPEGImages/b.jpg").unlink()
    found = check(name, source)
    assert found.faults_by_kind == {IMAGE: 1} and found.counts.good == 500  # a file is told once


def test_few_shot_settings_from_a_file(pascal):
    config = pascal / "pascal.yaml"
    config.write_text(f"few_shot: pascal5i\nroot: {pascal}\nsplits: {pascal}\nfold: 0\n")
    (source,) = named.sources(str(config), split="test").values()
    assert len(source) == 1000
    with pytest.raises(UserError, match="fold 7 does not exist"):
        named.sources(str(config), split="test", fold=7)
    config.write_text(f"few_shot: pascal5\nroot: {pascal}\nsplits: {pascal}\nfold: 0\n")
    with pytest.raises(UserError, match="did you mean 'pascal5i'"):
        named.sources(str(config))


@pytest.mark.parametrize(
    ("data", "options", "rule"),
    [
        ("ade20k_15", {}, "unknown data set 'ade20k_15': did you mean 'ade20k_150'.* a YAML file"),
        ("nowhere.yaml", {}, "nowhere.yaml cannot be read"),
        ("ade20k_150", {}, "ade20k_150 lies nowhere yet: give --root, its folder"),
        (
            "ade20k_150",
            {"root": "nowhere"},
            "image folder 'nowhere/ADEChallengeData2016/images/training' does not exist",
        ),
        ("ade20k_150", {"root": "x", "split": "val"}, "unknown split 'val': did you mean 'validation'"),
        ("ade20k_150", {"root": "x", "fold": 1}, "--fold 1 has no meaning for ade20k_150"),
        ("fss1000", {}, "fss1000 lies nowhere yet: give --root, its folder"),
        ("fss1000", {"root": "x"}, "split file 'x/splits/fss/trn.txt'"),
        ("pascal5i", {"root": "x", "splits": "y"}, "needs a fold: give 0 to 3"),
        ("fss1000", {"root": "x", "splits": "y", "fold": 1}, "has no folds"),
        ("coco20i", {"root": "x", "splits": "y", "fold": 1, "split": "validation"}, "unknown split"),
        (".", {}, "'.' is a folder: name the data set and give it as --root ."),
    ],
)
def test_what_cannot_be_meant(data, options, rule):
    with pytest.raises(UserError, match=rule):
        named.sources(data, **options)


def test_options_that_a_file_has_no_use_for(folder):
    config = folder.root / "set.yaml"
    config.write_text(
        "\n".join(f"{key}: {value}" for key, value in folder.settings.model_dump().items() if value)
    )
    (source,) = named.sources(str(config)).values()
    assert len(source) == 9
    for option in ({"root": "x"}, {"split": "training"}, {"fold": 1}):
        with pytest.raises(UserError, match="has no meaning for .*set.yaml: leave it out"):
            named.sources(str(config), **option)
