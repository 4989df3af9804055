"""PASCAL VOC with 20 and 21 classes from small archives in the official formats."""

import numpy as np
import pytest

from ms_ovs.data.prepare.datasets import prepare
from ms_ovs.data.prepare.voc import VOC_20, VOC_21
from ms_ovs.data.reading import read_labels
from ms_ovs.errors import UserError
from tests.data.prepare.archives import jpeg, matlab, pack_tar, pack_zip, palette_png, png
from tests.data.prepare.end_to_end import checked, opened, perfect_score, prepared, with_counts

VOC = "VOCdevkit/VOC2012"
# train: of VOC's training set, val: of its validation set, extra: of SBD's alone
OWN = {
    "2007_train": [[0, 255, 20], [1, 2, 3]],
    "2007_val": [[0, 1, 255], [0, 20, 20]],
    "2007_val_bare": [[0, 0, 255], [0, 0, 0]],
}
EXTRA = {
    "2008_extra": [[5, 5, 0], [0, 7, 7]],
    "2008_bare": [[0, 0, 0], [0, 0, 0]],
    "2007_train": [[9, 9, 9], [9, 9, 9]],  # VOC's own map goes before
    "2007_val": [[8, 8, 8], [8, 8, 8]],  # not for training
}
TRAINAUG = ["2007_train", "2008_bare", "2008_extra"]


def voc(**changed):
    files = {
        f"{VOC}/ImageSets/Segmentation/train.txt": b"2007_train\n",
        f"{VOC}/ImageSets/Segmentation/val.txt": b"2007_val\n2007_val_bare\n",
    }
    for name in {**OWN, **EXTRA, "2012_other": None}:
        files[f"{VOC}/JPEGImages/{name}.jpg"] = jpeg(np.full((2, 3, 3), 50))
    for name, labels in OWN.items():
        files[f"{VOC}/SegmentationClass/{name}.png"] = palette_png(labels)
    return files


def sbd():
    top = "benchmark_RELEASE/dataset"
    files = {f"{top}/train.txt": b"2008_extra\n", f"{top}/img/2008_extra.jpg": b"not needed"}
    for name, labels in EXTRA.items():
        structure = {"Boundaries": np.zeros((20, 1)), "Segmentation": np.array(labels, np.uint8)}
        files[f"{top}/cls/{name}.mat"] = matlab(GTcls=structure)
    return files


def ready():
    maps = {name: OWN.get(name, labels) for name, labels in {**EXTRA, **OWN}.items()}
    files = {f"SegmentationClassAug/{name}.png": png(labels) for name, labels in maps.items()}
    return files | {"__MACOSX/SegmentationClassAug/._2007_train.png": b"junk"}


@pytest.fixture
def folder(tmp_path):
    """A folder with the archive of VOC."""
    return pack_tar(tmp_path / "archives/VOCtrainval_11-May-2012.tar", voc()).parent


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture(params=["benchmark.tgz", "SegmentationClassAug.zip"])
def both(request, folder):
    """A folder with that archive and one of the two with extra maps."""
    if request.param == "benchmark.tgz":
        pack_tar(folder / request.param, sbd())
    else:
        pack_zip(folder / request.param, ready())
    return folder


def test_the_official_description():
    for recipe in (VOC_20, VOC_21):
        assert recipe.counts == {"training": 10582, "validation": 1449}


def test_with_background(monkeypatch, both, root):
    done = prepared(monkeypatch, "voc_21", [both], root, training=3, validation=2)
    assert done.counts == {"training": 3, "validation": 2} and (done.made.written, done.left_out) == (5, 0)
    assert (root / VOC / "ImageSets/Segmentation/trainaug.txt").read_text().split() == TRAINAUG
    maps = {path.stem: read_labels(path).tolist() for path in (root / VOC / "SegmentationClassAug").iterdir()}
    assert maps == {**OWN, **{name: EXTRA[name] for name in ("2008_extra", "2008_bare")}}
    for split, pairs in done.counts.items():
        status, output = checked("voc_21", root, split)
        assert status == 0 and "nothing is wrong" in output
        data = opened("voc_21", root, split)
        scores = perfect_score(data)
        assert len(data) == pairs and scores.miou_present == pytest.approx(1)
    assert scores.ignored == 2 and scores.target[[0, 1, 20]].tolist() == [7, 1, 2]


def test_without_background(monkeypatch, both, root):
    done = prepared(monkeypatch, "voc_20", [both], root, training=3, validation=2)
    # two images hold nothing but background: they are counted, and not there
    assert done.counts == {"training": 2, "validation": 1} and done.left_out == 2
    maps = {
        path.relative_to(root / VOC).as_posix(): read_labels(path).tolist()
        for path in (root / VOC / "annotations_ovs").rglob("*.png")
    }
    assert maps == {
        "annotations_ovs/train/2007_train.png": [[255, 255, 19], [0, 1, 2]],
        "annotations_ovs/train/2008_extra.png": [[4, 4, 255], [255, 6, 6]],
        "annotations_ovs/val/2007_val.png": [[255, 0, 255], [255, 19, 19]],
    }
    for split in done.counts:
        assert checked("voc_20", root, split)[0] == 0
        assert perfect_score(opened("voc_20", root, split)).miou_present == pytest.approx(1)
    again = prepare("voc_20", [both], root)
    assert (again.made.written, again.made.kept, again.left_out) == (0, 3, 2)


@pytest.mark.parametrize("name", ["voc_20", "voc_21"])
def test_validation_needs_no_extra_maps(monkeypatch, folder, root, name):
    done = prepared(monkeypatch, name, [folder], root, splits=["validation"], validation=2)
    assert done.counts == {"validation": 2 - done.left_out}
    # what validation wrote does not pass for the extra maps
    with pytest.raises(UserError, match=r"needs benchmark.tgz \(SBD's; or SegmentationClassAug.zip\), which"):
        prepare(name, [folder], root)


def test_other_archives_are_found_again(monkeypatch, both, root):
    with_counts(monkeypatch, "voc_21", training=3, validation=2)
    prepare("voc_21", [both], root)
    for archive in both.iterdir():
        archive.unlink()
    assert prepare("voc_21", [both], root).made.kept == 5


def without(*names):
    return {name: content for name, content in voc().items() if name not in names}


@pytest.mark.parametrize(
    ("gone", "rule"),
    [
        (
            f"{VOC}/SegmentationClass/2007_val.png",
            r"'2007_val' of '.*/val.txt' has no label map 2007_val.png in .*/SegmentationClass \(1 of 2 ",
        ),
        (
            f"{VOC}/JPEGImages/2007_val.jpg",
            r"'2007_val' of '.*/val.txt' has no image 2007_val.jpg in .*/JPEGImages",
        ),
        (
            f"{VOC}/JPEGImages/2008_extra.jpg",
            r"'2008_extra' of '.*/cls' has no image 2008_extra.jpg in .*/JPEGImages \(1 of 3 ",
        ),
        (f"{VOC}/ImageSets/Segmentation/val.txt", r"list of names '.*/val.txt': no such file"),
    ],
)
def test_names_without_file(monkeypatch, tmp_path, root, gone, rule):
    voc_only = pack_tar(tmp_path / "VOCtrainval_11-May-2012.tar", without(gone))
    extra = pack_tar(tmp_path / "benchmark.tgz", sbd())
    with pytest.raises(UserError, match=rule):
        prepared(monkeypatch, "voc_21", [voc_only, extra], root, training=3, validation=2)


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (
            matlab(GTcls={"Segmentation": np.array([[21]], np.uint8)}),
            "holds 21, which is no class of PASCAL VOC",
        ),
        (matlab(other=1), r"cannot be read as GTcls \('GTcls'\): unpack it again"),
        (matlab(GTcls={"Segmentation": np.array([[0.5]])}), "has no numbers of 8 or 16 bits .* as GTcls"),
        (b"cut", "cannot be read as GTcls"),
    ],
)
def test_extra_maps_that_are_none(monkeypatch, folder, root, content, rule):
    pack_tar(folder / "benchmark.tgz", sbd() | {"benchmark_RELEASE/dataset/cls/2008_extra.mat": content})
    with pytest.raises(UserError, match=rf"cls/2008_extra.mat' {rule}.*\(1 of 3 files failed"):
        prepared(monkeypatch, "voc_21", [folder], root, training=3, validation=2)
    assert {path.stem for path in (root / VOC / "SegmentationClassAug").iterdir()} == {
        "2007_train",
        "2008_bare",
    }


def test_a_tar_that_is_cut_short(monkeypatch, folder, root):
    source = folder / "VOCtrainval_11-May-2012.tar"
    source.write_bytes(source.read_bytes()[:9000])
    with pytest.raises(UserError, match="is damaged .*unexpected end of data.*: fetch it again"):
        prepared(monkeypatch, "voc_21", [source], root, splits=["validation"], validation=2)
