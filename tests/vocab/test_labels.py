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
    assert "did you mean" in error(name)


def test_misspelt_list_tells_the_name_meant():
    assert "unknown label list 'voc20': did you mean 'voc_20'? `ms-ovs vocab list`" in error("voc20")


def test_words_of_the_lists_are_no_misspelt_lists():
    words = {word for name in builtin() for word in parse(name).words if "," not in word}
    assert len(words) > 2500 and all(parse(word).names == (word,) for word in words)


# name: (classes, words, first, last); counts as in the table of lists/README.md
LISTS = {
    "ade20k_150": (150, 333, "wall", "flag"),
    "ade20k_847": (847, 1281, "wall", "adding machine"),
    "cityscapes_19": (19, 19, "road", "bicycle"),
    "coco20i": (80, 80, "person", "toothbrush"),
    "coco_panoptic_133": (133, 133, "person", "rug-merged"),
    "coco_stuff_171": (171, 171, "person", "wood"),
    "coco_stuff_unseen15": (15, 15, "cow", "wall-concrete"),
    "fss1000": (1000, 1000, "ac_wall", "wooden_spoon"),
    "lseg/ade20k_150": (150, 150, "wall", "flag"),
    "maft/ade20k_150": (150, 150, "wall", "flag"),
    "maft/ade20k_847": (847, 847, "wall", "adding machine, totalizer, totaliser"),
    "maft/pascal_context_59": (59, 59, "aeroplane", "wood"),
    "maft/voc_20": (20, 20, "aeroplane", "tv"),
    "maft_plus/ade20k_150": (150, 403, "wall", "flag"),
    "maft_plus/ade20k_847": (847, 1342, "wall", "adding machine"),
    "maft_plus/cityscapes_19": (19, 60, "road", "bicycle"),
    "maft_plus/coco_panoptic_133": (133, 254, "person", "rug"),
    "maft_plus/coco_stuff_171": (171, 328, "person", "wood"),
    "maft_plus/pascal_context_459": (459, 559, "accordion", "wool"),
    "maft_plus/pascal_context_59": (59, 160, "aeroplane", "wood piece"),
    "maft_plus/voc_20": (20, 79, "aeroplane", "tvmonitor"),
    "maft_plus/voc_21": (21, 153, "background", "tvmonitor"),
    "maskclip/ade20k_150": (150, 150, "wall", "flag"),
    "maskclip/cityscapes_19": (19, 19, "road", "bicycle"),
    "maskclip/coco_stuff_171": (171, 171, "person", "wood"),
    "maskclip/pascal_context_459": (459, 459, "accordion", "wool"),
    "maskclip/pascal_context_59": (59, 59, "airplane", "wood"),
    "maskclip/voc_20": (20, 20, "airplane", "tv monitor"),
    "pascal5i": (20, 20, "aeroplane", "tvmonitor"),
    "pascal_context_459": (459, 459, "accordion", "wool"),
    "pascal_context_59": (59, 59, "aeroplane", "wood"),
    "pascal_context_60": (60, 60, "background", "wood"),
    "voc_20": (20, 20, "aeroplane", "tvmonitor"),
    "voc_21": (21, 21, "background", "tvmonitor"),
}


def test_every_list_is_checked():
    assert set(builtin()) == set(LISTS)


@pytest.mark.parametrize("name", LISTS)
def test_shipped_list(name):
    classes, words, first, last = LISTS[name]
    vocabulary = parse(name)
    assert (len(vocabulary), len(vocabulary.words)) == (classes, words)
    assert (vocabulary.names[0], vocabulary.names[-1]) == (first, last)


def names(of):
    return parse(of).names


def test_facts_across_the_lists():
    assert names("pascal5i") == names("voc_20")
    assert names("voc_21") == ("background", *names("voc_20"))
    assert names("pascal_context_60") == ("background", *names("pascal_context_59"))
    assert names("coco_panoptic_133")[:80] == names("coco_stuff_171")[:80]
    assert len(changes("coco_stuff_171", "coco20i")) == 19
    for start, stop in ((0, 520), (520, 760), (760, 1000)):
        part = names("fss1000")[start:stop]
        assert list(part) == sorted(part)


def changes(main, variant):
    """{number: name in the variant}, where it is another than in the first list."""
    return {i: b for i, (a, b) in enumerate(zip(names(main), names(variant), strict=False)) if a != b}


def test_lseg_cuts_names():
    cut = changes("ade20k_150", "lseg/ade20k_150")
    assert cut.pop(89) == "television"
    assert len(cut) == 14
    whole = names("ade20k_150")
    assert all(whole[number].split()[0] == word for number, word in cut.items())
    assert (cut[44], cut[56], cut[136]) == ("chest", "pool", "traffic")
    assert [i for i, name in enumerate(names("lseg/ade20k_150")) if name == "screen"] == [58, 130]


def test_maft_has_phrases():
    for data, count in (("ade20k_150", 41), ("ade20k_847", 217)):
        phrases = [name for name in names(f"maft/{data}") if "," in name]
        assert len(phrases) == count and all(", " in phrase for phrase in phrases)
    assert "road, route" in names("maft/ade20k_150")
    phrases = [phrase.replace(" ,", ",") for phrase in names("maft/ade20k_847")]  # "c p u ,": no other tokens
    assert phrases == [", ".join(group) for group in parse("ade20k_847").synonyms]
    assert changes("voc_20", "maft/voc_20") == {19: "tv"}
    assert changes("pascal_context_59", "maft/pascal_context_59") == {49: "diningtable"}


def test_maskclip_rewrites_names():
    assert changes("ade20k_150", "maskclip/ade20k_150") == {}
    assert changes("cityscapes_19", "maskclip/cityscapes_19") == {}
    stuff = changes("coco_stuff_171", "maskclip/coco_stuff_171")
    assert len(stuff) == 29 and stuff[106] == "wood floor"
    assert list(changes("voc_20", "maskclip/voc_20").values()) == [
        "airplane", "dining table", "potted plant", "tv monitor",
    ]  # fmt: skip
    assert list(changes("pascal_context_59", "maskclip/pascal_context_59").values()) == [
        "airplane", "potted plant", "tv monitor",
    ]  # fmt: skip


def test_maft_plus_repeats_a_word_in_three_rows():
    repeats = {
        (name, row)
        for name in builtin()
        for row, group in enumerate(parse(name).synonyms)
        if len(set(group)) < len(group)
    }
    assert repeats == {("maft_plus/ade20k_150", 71), ("maft_plus/ade20k_847", 72), ("maft_plus/voc_21", 0)}
    assert len(parse("maft_plus/voc_21").synonyms[0]) == 74


def test_maft_plus_keeps_the_order_of_the_classes():
    with_background, without = (parse(f"maft_plus/{name}").synonyms for name in ("voc_21", "voc_20"))
    assert with_background[1:] == without
    # names that are none of the class's own synonyms in MAFT-Plus; a shift of a row would change nearly all
    for name, most in (("voc_20", 0), ("cityscapes_19", 0), ("coco_stuff_171", 1), ("ade20k_150", 10)):
        groups = parse(f"maft_plus/{name}").synonyms
        missing = [n for n, group in zip(names(name), groups, strict=True) if n not in group]
        assert len(missing) <= most


def test_repeats_of_the_data_sets_are_kept():
    full = parse("ade20k_847")
    doubles = {name for name in full.names if full.names.count(name) > 1}
    assert doubles == {"bag", "basket", "control panel", "grill", "patio", "pier", "pipe", "pot", "screen"}
    assert len(set(full.synonyms)) == 847
    whole = parse("ade20k_150").names
    assert (whole[14], whole[56], whole[89]) == ("door", "pool table", "television receiver")


def test_a_copy_of_a_list_can_be_used(tmp_path):
    text = "\n".join(", ".join(group) for group in parse("voc_20").synonyms)
    assert parse(write(tmp_path / "voc.txt", text)) == parse("voc_20")
