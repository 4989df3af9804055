"""Finding archives among what a user gives."""

import pytest

from ms_ovs.data.prepare.archive import Archive, PlainFile
from ms_ovs.data.prepare.sources import find_sources
from ms_ovs.errors import UserError

IMAGES = Archive("VOCtrainval.tar", "VOC/images")
MASKS = Archive("masks.tgz", "masks", "VOC")
LISTS = PlainFile("split.json")
ALL = (IMAGES, MASKS, LISTS)


def put(folder, *names):
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).touch()
    return folder


def find(given, root, wanted=ALL):
    return {name: path.name for name, path in find_sources(wanted, given, root, "voc").items()}


def test_in_a_folder_and_one_by_one(tmp_path):
    names = ("VOCtrainval.tar", "masks.tgz", "split.json")
    folder = put(tmp_path / "downloads", *names, "other.zip")
    assert find([folder], tmp_path) == dict(zip(names, names, strict=True))
    assert find([folder / name for name in names], tmp_path) == dict(zip(names, names, strict=True))


def test_copies_packed_in_another_way(tmp_path):
    folder = put(tmp_path / "downloads", "voctrainval.ZIP", "masks.tar.gz", "split.json")
    found = find([folder], tmp_path)
    assert found["VOCtrainval.tar"] == "voctrainval.ZIP" and found["masks.tgz"] == "masks.tar.gz"


def test_a_lone_archive_may_be_called_anything(tmp_path):
    folder = put(tmp_path / "downloads", "mine.bin")
    assert find([folder / "mine.bin"], tmp_path, (IMAGES,)) == {"VOCtrainval.tar": "mine.bin"}
    with pytest.raises(
        UserError, match=r"voc needs VOCtrainval.tar, which --source does not hold \(mine.bin"
    ):
        find([folder], tmp_path, (IMAGES,))


def test_all_that_is_missing_is_named(tmp_path):
    folder = put(tmp_path / "downloads", "masks.tgz")
    with pytest.raises(UserError, match=r"needs VOCtrainval.tar and split.json, .* \(masks.tgz\): fetch"):
        find([folder], tmp_path)
    with pytest.raises(UserError, match=r"which --source does not hold \(nothing\)"):
        find([put(tmp_path / "empty")], tmp_path)
    with pytest.raises(UserError, match=r"'.*gone' does not exist: fetch VOCtrainval.tar and masks.tgz and"):
        find([tmp_path / "gone"], tmp_path)


def test_what_was_unpacked_before_need_not_be_given(tmp_path):
    folder = put(tmp_path / "downloads", "split.json", "masks.tgz")
    (tmp_path / "data/VOC/images").mkdir(parents=True)
    assert set(find([folder], tmp_path / "data")) == {"split.json", "masks.tgz"}


def test_what_is_optional_may_be_missing(tmp_path):
    extra = Archive("extra.zip", "extra", optional=True)
    folder = put(tmp_path / "downloads", "VOCtrainval.tar")
    assert set(find([folder], tmp_path, (IMAGES, extra))) == {"VOCtrainval.tar"}


def test_a_note_tells_more_of_what_is_missing(tmp_path):
    masks = Archive("masks.zip", note="masks.zip of their drive")
    with pytest.raises(
        UserError, match=r"needs masks.zip \(masks.zip of their drive\) and VOCtrainval.tar, which"
    ):
        find([put(tmp_path / "downloads", "other.zip")], tmp_path, (masks, IMAGES))
