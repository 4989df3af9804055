"""What each system reads for a data set."""

import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets, templates
from ms_ovs.vocab.systems import STYLES, prompts

# system: {data set: (the list its words are from, words)}; the others are the data set's own, first names
OWN = {
    "lseg": {"ade20k_150": ("lseg/ade20k_150", 150)},
    "lseg_zero_shot": {"ade20k_150": ("lseg/ade20k_150", 150)},
    "maft": {
        "ade20k_150": ("maft/ade20k_150", 150),
        "ade20k_847": ("maft/ade20k_847", 847),
        "pascal_context_59": ("maft/pascal_context_59", 59),
        "pascal_context_60": ("background and maft/pascal_context_59", 60),
        "voc_20": ("maft/voc_20", 20),
        "voc_21": ("background and maft/voc_20", 21),
    },
    "maft_plus": {
        "ade20k_150": ("maft_plus/ade20k_150", 403),
        "ade20k_847": ("maft_plus/ade20k_847", 1342),
        "cityscapes_19": ("maft_plus/cityscapes_19", 60),
        "coco_panoptic_133": ("maft_plus/coco_panoptic_133", 254),
        "coco_stuff_171": ("maft_plus/coco_stuff_171", 328),
        "pascal_context_459": ("maft_plus/pascal_context_459", 559),
        "pascal_context_59": ("maft_plus/pascal_context_59", 160),
        "pascal_context_60": ("background and maft_plus/pascal_context_59", 161),
        "voc_20": ("maft_plus/voc_20", 79),
        "voc_21": ("maft_plus/voc_21", 153),
    },
    "maskclip": {
        "ade20k_150": ("maskclip/ade20k_150", 150),
        "cityscapes_19": ("maskclip/cityscapes_19", 19),
        "coco_stuff_171": ("maskclip/coco_stuff_171", 171),
        "pascal_context_459": ("maskclip/pascal_context_459", 459),
        "pascal_context_59": ("maskclip/pascal_context_59", 59),
        "pascal_context_60": ("background and maskclip/pascal_context_59", 60),
        "voc_20": ("maskclip/voc_20", 20),
        "voc_21": ("background and maskclip/voc_20", 21),
    },
}
TEMPLATES = {"lseg": 1, "lseg_zero_shot": 1, "maft": 14, "maft_plus": 14, "maskclip": 85}


def test_every_system_is_checked():
    assert set(STYLES) == set(OWN) == set(TEMPLATES)


@pytest.mark.parametrize("system", OWN)
@pytest.mark.parametrize("dataset", datasets.NAMES)
def test_which_list(system, dataset):
    read = prompts(dataset, system)
    classes = len(datasets.get(dataset).vocabulary)
    assert (read.source, len(read.vocabulary.words)) == OWN[system].get(dataset, (dataset, classes))
    assert len(read.vocabulary) == classes
    assert len(read.templates) == TEMPLATES[system]
    assert read.style is STYLES[system]


def test_synonyms():
    lines = {system: prompts("ade20k_847", system).vocabulary.synonyms[4] for system in STYLES}
    assert lines == {
        "lseg": ("road",),
        "lseg_zero_shot": ("road",),
        "maft": ("road, route",),
        "maft_plus": ("road", "route", "street", "roads", "streets", "routes"),
        "maskclip": ("road",),
    }


def test_background():
    assert prompts("voc_21", "maskclip").vocabulary.names[:2] == ("background", "airplane")
    context = prompts("pascal_context_60", "maft_plus").vocabulary
    assert context.synonyms[:2] == (("background",), ("aeroplane", "aeroplanes", "airplanes", "airplane"))


def test_own_labels(tmp_path):
    words = {system: prompts("cat, grass|lawn", system).vocabulary.words for system in STYLES}
    assert words["lseg"] == words["maskclip"] == ("cat", "grass")
    assert words["maft"] == ("cat", "grass, lawn")
    assert words["maft_plus"] == ("cat", "grass", "lawn")
    path = tmp_path / "mine.txt"
    path.write_text("cat\ngrass, lawn\n")
    assert prompts(str(path), "maft").vocabulary.words == ("cat", "grass, lawn")


def test_a_list_of_one_system_may_be_given_to_another():
    read = prompts("maft_plus/voc_20", "lseg")
    assert read.source == "maft_plus/voc_20" and len(read.vocabulary.words) == 20


@pytest.mark.parametrize("style", STYLES.values(), ids=STYLES)
def test_bare_labels_are_not_pooled(style):
    assert (style.pooling == "none") == (templates.get(style.templates) == templates.BARE)


def test_no_object():
    assert {name: style.no_object for name, style in STYLES.items()} == {
        "lseg": None,
        "lseg_zero_shot": "others",
        "maft": "learned",
        "maft_plus": "learned",
        "maskclip": None,
    }


def test_unknown_system():
    with pytest.raises(UserError, match="unknown system 'maftplus': did you mean 'maft_plus'"):
        prompts("voc_20", "maftplus")
