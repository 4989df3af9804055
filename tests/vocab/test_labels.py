"""Labels from strings, files, sequences and the shipped lists."""

import os

import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab.labels import Vocabulary, builtin, parse


def write(path, text, encoding="utf-8"):
    path.write_bytes(text.encode(encoding))
    return path


def error(labels):
    with pytest.raises(UserError) as caught:
        parse(labels)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_string():
    vocabulary = parse(" cat, grass | lawn,other thing ")
    assert vocabulary == Vocabulary(
        ("cat", "grass", "other thing"), (("cat",), ("grass", "lawn"), ("other thing",))
    )
    assert len(vocabulary) == 3
    assert vocabulary.words == ("cat", "grass", "lawn", "other thing")


def test_one_label():
    assert parse("cat").names == ("cat",)
    assert parse("tv/monitor").names == ("tv/monitor",)
    assert parse("e.g.").names == ("e.g.",)


def test_file(tmp_path):
    path = write(tmp_path / "mine.txt", "cat\r\ngrass|lawn\r\nbuilding, edifice\r\n\r\n")
    expected = (("cat",), ("grass", "lawn"), ("building", "edifice"))
    assert parse(path).synonyms == parse(str(path)).synonyms == expected


def test_file_with_mark_and_any_script(tmp_path):
    assert parse(write(tmp_path / "mine.txt", "猫\nпёс", "utf-8-sig")).names == ("猫", "пёс")


def test_file_of_any_name_beside(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "cat", "dog\nbird")
    write(tmp_path / "my,words.labels", "dog\nbird")
    assert parse("cat").names == ("cat",), "a bare word is a label, whatever lies in the folder"
    assert parse("./cat").names == ("dog", "bird")
    assert parse("my,words.labels").names == ("dog", "bird")


def test_sequence():
    assert parse(["cat", "road, route", "grass|lawn"]).synonyms == (
        ("cat",),
        ("road, route",),
        ("grass", "lawn"),
    )


@pytest.mark.parametrize("labels", ["", "  ", []])
def test_no_labels(labels):
    assert "no labels" in error(labels)


def test_empty_file(tmp_path):
    assert "no labels" in error(write(tmp_path / "a.txt", " \n\n"))


@pytest.mark.parametrize(
    ("labels", "fault"),
    [
        ("cat,,dog", "label 2 of 3 is empty"),
        ("cat, dog,", "label 3 of 3 is empty"),
        (",", "label 1 of 2 is empty"),
        ("cat, grass||lawn", "label 2 of 2 has an empty synonym"),
        ("|", "label 1 of 1 is empty"),
        (["cat", " "], "item 2 of 2 is empty"),
    ],
)
def test_empty_label(labels, fault):
    assert fault in error(labels)


def test_empty_line_is_counted(tmp_path):
    assert "a.txt, line 2 of 3 is empty" in error(write(tmp_path / "a.txt", "cat\n\ndog\n"))


@pytest.mark.parametrize(
    ("labels", "named", "where"),
    [
        ("cat, dog, cat", "'cat'", "classes 1 and 3"),
        ("cat, dog, Cat", "'Cat'", "classes 1 and 3"),
        ("traffic light, traffic  light", "'traffic  light'", "classes 1 and 2"),
        ("cat|kitten, dog|kitten", "'kitten'", "classes 1 and 2"),
        ("dog, cat|cat", "'cat'", "class 2"),
        (["a", "a"], "'a'", "classes 1 and 2"),
    ],
)
def test_doubled_label(labels, named, where):
    message = error(labels)
    assert named in message and where in message


def test_doubled_label_in_a_file(tmp_path):
    assert "'cat' is there twice" in error(write(tmp_path / "a.txt", "cat\ndog\ncat\n"))


def test_string_put_into_a_file_is_not_taken_for_one_class(tmp_path):
    assert "one class a line" in error(write(tmp_path / "a.txt", "cat, grass, other\n"))


def test_unreadable_files(tmp_path):
    assert "no such file" in error("nowhere/labels.txt")
    assert "no such file" in error(tmp_path / "labels")
    assert "is a directory" in error(str(tmp_path))
    assert "not UTF-8 (byte 3)" in error(write(tmp_path / "a.txt", "caf\xe9\nbar", "latin-1"))
    big = tmp_path / "big.txt"
    big.touch()
    os.truncate(big, 17 * 2**20)
    assert "16 MiB" in error(big)


@pytest.mark.parametrize("name", ["voc20", "ade20k-150", "ade20k", "lseg/ade20k", "coco_stuff_172"])
def test_misspelt_list(name):
    message = error(name)
    assert "did you mean" in message and "voc_20" in message


# name: (classes, words, first, last); counts as in the table of lists/README.md
LISTS = {
    "ade20k_150": (150, 333, "wall", "flag"),
    "ade20k_847": (847, 1281, "wall", None),
    "cityscapes_19": (19, 19, "road", "bicycle"),
    "coco20i": (80, 80, "person", "toothbrush"),
    "coco_panoptic_133": (133, 133, "person", None),
    "coco_stuff_171": (171, 171, "person", None),
    "coco_stuff_unseen15": (15, 15, "cow", None),
    "fss1000": (1000, 1000, "ac_wall", None),
    "lseg/ade20k_150": (150, 150, "wall", "flag"),
    "pascal5i": (20, 20, "aeroplane", "tvmonitor"),
    "pascal_context_459": (459, 459, "accordion", None),
    "pascal_context_59": (59, 59, "aeroplane", None),
    "voc_20": (20, 20, "aeroplane", "tvmonitor"),
}


def test_every_list_is_checked():
    assert set(builtin()) == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_shipped_list(name):
    classes, words, first, last = LISTS[name]
    vocabulary = parse(name)
    assert (len(vocabulary), len(vocabulary.words), vocabulary.names[0]) == (classes, words, first)
    assert last is None or vocabulary.names[-1] == last


def test_facts_across_the_lists():
    names = {name: parse(name).names for name in builtin()}
    assert names["pascal5i"] == names["voc_20"]
    assert names["coco_panoptic_133"][:80] == names["coco_stuff_171"][:80]
    assert sum(a != b for a, b in zip(names["coco20i"], names["coco_stuff_171"][:80], strict=True)) == 19
    assert set(names["coco_stuff_unseen15"]) <= set(names["coco_stuff_171"])
    unseen = [19, 23, 28, 29, 36, 51, 76, 88, 94, 112, 133, 136, 137, 157, 160]
    assert tuple(names["coco_stuff_171"][i] for i in unseen) == names["coco_stuff_unseen15"]
    for start, stop in ((0, 520), (520, 760), (760, 1000)):
        part = names["fss1000"][start:stop]
        assert list(part) == sorted(part)


def test_repeats_of_the_data_sets_are_kept():
    full = parse("ade20k_847")
    doubles = {name for name in full.names if full.names.count(name) > 1}
    assert doubles == {"bag", "basket", "control panel", "grill", "patio", "pier", "pipe", "pot", "screen"}
    assert len(set(full.synonyms)) == 847
    cut = parse("lseg/ade20k_150").names
    assert [i for i, name in enumerate(cut) if name == "screen"] == [58, 130]
    assert (cut[56], cut[89], cut[136]) == ("pool", "television", "traffic")
    whole = parse("ade20k_150").names
    assert (whole[14], whole[56], whole[89]) == ("door", "pool table", "television receiver")


def test_a_copy_of_a_list_can_be_used(tmp_path):
    text = "\n".join(", ".join(group) for group in parse("voc_20").synonyms)
    assert parse(write(tmp_path / "voc.txt", text)) == parse("voc_20")
