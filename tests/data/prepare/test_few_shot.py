"""The few-shot sets from their archives, with the split files in that of HSNet's repository."""

import io
import pickle

import numpy as np
import pytest
import scipy.io
from typer.testing import CliRunner

from ms_ovs.cli.main import app
from ms_ovs.data import fewshot, named
from ms_ovs.data.fewshot import FewShotSettings, open_fewshot
from ms_ovs.data.prepare.datasets import DATASETS
from ms_ovs.errors import UserError
from ms_ovs.evaluation.fewshot import FewShotScores
from ms_ovs.vocab import labels
from tests.data.prepare import end_to_end
from tests.data.prepare.archives import jpeg, pack_tar, pack_zip, palette_png, png

BLACK = jpeg(np.zeros((2, 4, 3)))
REPOSITORY = {"hsnet-main/README.md": b"x", "hsnet-main/data/pascal.py": b"x"}


@pytest.fixture
def downloads(tmp_path):
    return tmp_path / "downloads"


@pytest.fixture
def root(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def prepare(monkeypatch, downloads, root):
    """Prepare a set of few files; `counts` are those that its authors state."""

    def prepare(name, counts, splits=None):
        return end_to_end.prepared(monkeypatch, name, [downloads], root, splits=splits, **counts)

    return prepare


@pytest.fixture
def check(root):
    """`ms-ovs data check`: its status and what it prints."""

    def check(name, *options):
        words = ["data", "check", name, "--root", root, "--workers", 0, *options]
        result = CliRunner().invoke(app, [str(word) for word in words])
        return result.exit_code, result.output

    return check


def perfect(data):
    """The scores of a predictor that knows the truth of the episodes."""
    scores = FewShotScores(data.class_ids)
    for index in range(len(data)):
        _, target, class_id = data[index]
        scores.update(target.clip(0), target, class_id)
    return scores


def label_map(value):
    """A map with a class, the background, and a border."""
    return np.array([[value, value, 0, 255], [value, 0, 0, 255]], np.uint8)


PASCAL = {f"2007_{value:06}": value for value in range(1, 21)}  # an image of each class


def pack_pascal(downloads, masks="SegmentationClassAug.zip"):
    """Images, masks of one of two archives, split files; even classes are VOC's own, odd ones SBD's."""
    voc, extra = {"VOCdevkit/VOC2012/ImageSets/Segmentation/val.txt": b""}, {}
    for name, value in PASCAL.items():
        voc[f"VOCdevkit/VOC2012/JPEGImages/{name}.jpg"] = BLACK
        stored = label_map(value)
        if value % 2 == 0:
            voc[f"VOCdevkit/VOC2012/SegmentationClass/{name}.png"] = palette_png(stored)
        if masks == "SegmentationClassAug.zip":
            extra[f"SegmentationClassAug/{name}.png"] = png(stored)
        elif value % 2:
            data = io.BytesIO()
            scipy.io.savemat(
                data, {"GTcls": {"Segmentation": stored, "Boundaries": [], "CategoriesPresent": []}}
            )
            extra[f"benchmark_RELEASE/dataset/cls/{name}.mat"] = data.getvalue()
    pack_tar(downloads / "VOCtrainval_11-May-2012.tar", voc)
    (pack_zip if masks.endswith("zip") else pack_tar)(downloads / masks, extra)
    lists = dict(REPOSITORY)
    for fold in range(4):
        lines = [f"{name}__{value:02}\n" for name, value in PASCAL.items() if (value - 1) // 5 == fold]
        lists[f"hsnet-main/data/splits/pascal/val/fold{fold}.txt"] = "".join(lines[:2]).encode()
        lists[f"hsnet-main/data/splits/pascal/trn/fold{fold}.txt"] = "".join(lines[2:]).encode()
    pack_zip(downloads / "hsnet-main.zip", lists)


def test_the_counts_that_are_known():
    assert DATASETS["pascal5i"].counts == {"test": 1868}
    assert DATASETS["coco20i"].counts == {}
    assert DATASETS["fss1000"].counts == {"training": 5200, "validation": 2400, "test": 2400}


@pytest.mark.parametrize("masks", ["SegmentationClassAug.zip", "benchmark.tgz"])
def test_pascal(prepare, check, downloads, root, masks):
    pack_pascal(downloads, masks)
    done = prepare("pascal5i", {"test": 8})
    assert done.counts == {"training": 12, "test": 8} and done.folder == root / "Datasets_HSN"
    assert (root / "Datasets_HSN/splits/pascal/val/fold0.txt").is_file()
    data = open_fewshot(FewShotSettings(few_shot="pascal5i", root=str(root), fold=1))
    assert data.episodes[0].image == root / "Datasets_HSN/VOC2012/JPEGImages/2007_000006.jpg"
    assert data[0][1].tolist() == [[1, 1, 0, -1], [1, 0, 0, -1]] and data[0][2] == 5
    assert data[1][2] == 6 and (data[1][1] == data[0][1]).all()
    assert perfect(data).iou.tolist() == [1, 1, 0, 0, 0], "two classes are in the test"
    status, out = check("pascal5i", "--fold", 1)
    assert status == 0 and "pascal5i fold 1 test" in out and "nothing is wrong" in out


def test_pascal_without_masks(prepare, downloads):
    pack_pascal(downloads)
    (downloads / "SegmentationClassAug.zip").unlink()
    with pytest.raises(UserError, match=r"needs benchmark.tgz \(SBD's; or SegmentationClassAug.zip\), which"):
        prepare("pascal5i", {"test": 8})


def test_pascal_with_a_mask_missing(prepare, downloads):
    pack_pascal(downloads)
    pack_zip(
        downloads / "SegmentationClassAug.zip", {"SegmentationClassAug/2007_000001.png": png(label_map(1))}
    )
    with pytest.raises(UserError, match=r"2007_000002.png' is missing \(7 of 16 files that the split files"):
        prepare("pascal5i", {"test": 8}, ["test"])


def test_another_number_of_pairs(prepare, downloads):
    pack_pascal(downloads)
    with pytest.raises(UserError, match="has 8 pairs for test, pascal5i has 1868"):
        prepare("pascal5i", {"test": 1868}, ["test"])


def pack_coco(downloads):
    lists, archives = dict(REPOSITORY), {}
    for short, part in (("train2014", "trn"), ("val2014", "val")):
        images, masks = {}, {}
        for value in range(1, 81):
            name = f"COCO_{short}_{value:012}"
            images[f"{short}/{name}.jpg"] = BLACK
            masks[f"{short}/{name}.png"] = png(label_map(value))
        archives[f"{short}.zip"], archives[f"{short}_masks.zip"] = images, masks
        for fold in range(4):
            found = {
                n: [f"{short}/COCO_{short}_{n + 1:012}.jpg"]
                for n in range(80)
                if (n % 4 == fold) == (part == "val")
            }
            lists[f"hsnet-main/data/splits/coco/{part}/fold{fold}.pkl"] = pickle.dumps(found)
    for name, files in {**archives, "hsnet-main.zip": lists}.items():
        pack_zip(downloads / name, files)


def test_coco(prepare, check, downloads, root):
    pack_coco(downloads)
    assert prepare("coco20i", {}).counts == {"training": 80, "test": 80}
    data = open_fewshot(FewShotSettings(few_shot="coco20i", root=str(root), fold=2))
    assert len(data) == 1000 and data[0][1].tolist() == [[1, 1, 0, 0], [1, 0, 0, 0]]
    assert perfect(data).iou.tolist() == [1] * 20
    assert check("coco20i", "--fold", 2, "--split", "test")[0] == 0


def test_coco_for_the_test_alone(prepare, downloads, root):
    pack_coco(downloads)
    for name in ("train2014.zip", "train2014_masks.zip"):
        (downloads / name).unlink()
    assert prepare("coco20i", {}, ["test"]).counts == {"test": 80}
    with pytest.raises(UserError, match=r"train2014_masks.zip \(train2014.zip of HSNet's drive; rename it"):
        prepare("coco20i", {})


def test_coco_with_an_image_missing(prepare, downloads):
    pack_coco(downloads)
    pack_zip(downloads / "val2014.zip", {"val2014/COCO_val2014_000000000001.jpg": BLACK})
    with pytest.raises(UserError, match=r"COCO_val2014_000000000002.jpg' is missing \(79 of 160 files"):
        prepare("coco20i", {}, ["test"])


def pack_fss(downloads, images=2):
    names = labels.parse("fss1000").names
    files = {}
    for name in names:
        for number in range(1, images + 1):
            files[f"FSS-1000/{name}/{number}.jpg"] = BLACK
            files[f"FSS-1000/{name}/{number}.png"] = png([[[255] * 3] * 4, [[0] * 3] * 4])
    pack_zip(downloads / "FSS-1000.zip", files)
    lists = dict(REPOSITORY)
    for part, class_ids in fewshot.FSS_PARTS.values():
        lines = [f"{names[number]}\n" for number in class_ids]
        lists[f"hsnet-main/data/splits/fss/{part}.txt"] = "".join(lines).encode()
    pack_zip(downloads / "hsnet-main.zip", lists)


def test_fss(prepare, check, downloads, root):
    pack_fss(downloads)
    wanted = {"training": 1040, "validation": 480, "test": 480}
    assert prepare("fss1000", wanted).counts == wanted
    data = open_fewshot(FewShotSettings(few_shot="fss1000", root=str(root)))
    assert len(data) == 480 and data[0][1].tolist() == [[1] * 4, [0] * 4]
    assert perfect(data).iou.tolist() == [1] * 240
    assert check("fss1000", "--split", "validation")[0] == 0


def test_split_files_that_lie_elsewhere(prepare, check, downloads, root, tmp_path):
    pack_pascal(downloads)
    prepare("pascal5i", {"test": 8})
    (root / "Datasets_HSN/splits").rename(tmp_path / "elsewhere")
    options = ("--fold", 0, "--split", "test")
    with pytest.raises(UserError, match="split file '.*/Datasets_HSN/splits/pascal/val/fold0.txt': no such"):
        named.sources("pascal5i", root=root, fold=0, split="test")
    assert check("pascal5i", *options, "--splits", tmp_path / "elsewhere")[0] == 0


def test_a_repository_without_split_files(prepare, downloads):
    pack_pascal(downloads)
    pack_zip(downloads / "hsnet-main.zip", REPOSITORY)
    with pytest.raises(UserError, match=r"has no files in a folder '\*/data/splits/pascal', but hsnet-main"):
        prepare("pascal5i", {"test": 8})
