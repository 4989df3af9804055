"""What is known of the data sets: ids in their annotations, things, unseen classes."""

import csv
from importlib import resources

import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets
from ms_ovs.vocab.labels import Vocabulary, parse

# name: (classes, stored value of the first and the last class, smallest and largest stored value)
IDS = {
    "ade20k_150": (150, 1, 150, 1, 150),
    "ade20k_847": (847, 2978, 3148, 6, 3156),
    "cityscapes_19": (19, 7, 33, 7, 33),
    "coco20i": (80, 1, 80, 1, 80),
    "coco_panoptic_133": (133, 1, 200, 1, 200),
    "coco_stuff_171": (171, 0, 181, 0, 181),
    "pascal5i": (20, 1, 20, 1, 20),
    "pascal_context_459": (459, 1, 459, 1, 459),
    "pascal_context_59": (59, 2, 458, 2, 458),
    "pascal_context_60": (60, 0, 458, 0, 458),
    "voc_20": (20, 1, 20, 1, 20),
    "voc_21": (21, 0, 20, 0, 20),
}
THINGS = {"ade20k_150": 100, "cityscapes_19": 8, "coco_panoptic_133": 80, "coco_stuff_171": 80}


def test_every_data_set_is_checked():
    assert set(datasets.NAMES) == {*IDS, "fss1000"}


@pytest.mark.parametrize("name", IDS)
def test_ids(name):
    classes, first, last, smallest, largest = IDS[name]
    known = datasets.get(name)
    assert known.vocabulary == parse(name)
    assert list(known.raw_ids.values()) == list(range(classes)) == list(range(len(known.vocabulary)))
    stored = list(known.raw_ids)
    assert (stored[0], stored[-1], min(stored), max(stored)) == (first, last, smallest, largest)


def test_fss_has_no_ids():
    known = datasets.get("fss1000")
    assert not known.raw_ids and len(known.vocabulary) == 1000


def test_what_is_handed_out_cannot_be_spoilt():
    with pytest.raises(TypeError):
        datasets.get("voc_20").raw_ids[3] = 4


def test_pascal_context_by_its_459_ids():
    every = parse("pascal_context_459").names
    for name, background in (("pascal_context_59", ()), ("pascal_context_60", ("background",))):
        known = datasets.get(name)
        stored = list(known.raw_ids)
        assert stored == sorted(stored)
        met = (*background, *(every[raw - 1] for raw in stored[len(background) :]))
        assert met == known.vocabulary.names


def test_coco_ids():
    table = resources.files("ms_ovs.vocab").joinpath("raw_ids", "coco_stuff_171.tsv").read_text("utf-8")
    rows = list(csv.DictReader(table.splitlines(), delimiter="\t"))
    assert all(int(row["category_id"]) - 1 == int(row["pixel_value"]) for row in rows)
    stuff = datasets.get("coco_stuff_171").raw_ids
    assert set(range(182)) - set(stuff) == {11, 25, 28, 29, 44, 65, 67, 68, 70, 82, 90}
    panoptic = datasets.get("coco_panoptic_133").raw_ids
    assert list(panoptic)[:80] == [value + 1 for value in list(stuff)[:80]]


def test_things():
    counts = {name: sum(datasets.get(name).things or ()) for name in datasets.NAMES}
    assert {name: count for name, count in counts.items() if count} == THINGS
    assert all(len(datasets.get(name).things) == len(parse(name)) for name in THINGS)
    for name in ("coco_panoptic_133", "coco_stuff_171"):
        assert datasets.get(name).things.index(False) == 80
    cityscapes = datasets.get("cityscapes_19")
    assert cityscapes.vocabulary.names[cityscapes.things.index(True)] == "person"
    ade = datasets.get("ade20k_150")
    assert [n for n, thing in zip(ade.vocabulary.names, ade.things, strict=True) if thing][:3] == [
        "bed", "windowpane", "cabinet",
    ]  # fmt: skip


def unseen(name):
    known = datasets.get(name)
    return tuple(known.vocabulary.names[number] for number in known.unseen)


def test_unseen():
    assert unseen("coco_stuff_171") == parse("coco_stuff_unseen15").names
    assert unseen("voc_20") == unseen("voc_21") == ("pottedplant", "sheep", "sofa", "train", "tvmonitor")
    assert unseen("pascal_context_60") == (
        "cow", "motorbike", "sofa", "cat", "boat", "fence", "bird", "tvmonitor", "keyboard", "aeroplane",
    )  # fmt: skip
    marked = {name for name in datasets.NAMES if unseen(name)}
    assert marked == {"coco_stuff_171", "voc_20", "voc_21", "pascal_context_60"}


def test_seen():
    assert datasets.get("voc_21").seen == (True,) * 16 + (False,) * 5
    assert datasets.get("coco_stuff_171").seen.count(True) == 156
    assert all(datasets.get("cityscapes_19").seen)


def test_unknown():
    with pytest.raises(UserError, match="unknown data set 'voc20': did you mean 'voc_20'"):
        datasets.get("voc20")


def test_seen_by_synonym():
    training = Vocabulary(("airplane", "cat"), (("airplane", "aeroplane"), ("cat",)))
    test = Vocabulary(("plane", "Cat", "dog"), (("plane", "aeroplane"), ("Cat",), ("dog", "puppy")))
    assert datasets.seen_by_synonym(test, training) == (True, False, False)


def test_seen_by_synonym_in_the_shipped_lists():
    training = parse("maft_plus/coco_stuff_171")
    assert all(datasets.seen_by_synonym(parse("maft_plus/voc_20"), training))
    by_name_alone = datasets.seen_by_synonym(parse("voc_20"), parse("coco_stuff_171"))
    hidden = [n for n, seen in zip(parse("voc_20").names, by_name_alone, strict=True) if not seen]
    assert hidden == ["aeroplane", "diningtable", "motorbike", "pottedplant", "sofa", "tvmonitor"]
