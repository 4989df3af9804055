"""Prompt templates by name and from a file."""

import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab import templates


@pytest.mark.parametrize(
    ("name", "count"), [("none", 1), ("vild_14", 14), ("imagenet_80", 80), ("maskclip_85", 85)]
)
def test_by_name(name, count):
    got = templates.get(name)
    assert len(got) == len(set(got)) == count
    assert all(t.count("{}") == 1 and t == t.strip() for t in got)


def test_all_names_are_checked_above():
    assert templates.builtin() == ("none", "imagenet_80", "maskclip_85", "vild_14")


def test_facts():
    assert templates.get("none") == templates.BARE == ("{}",)
    assert templates.get("maskclip_85")[:80] == templates.get("imagenet_80")
    assert all("in the scene" in t for t in templates.get("maskclip_85")[80:])
    without_stop = [i for i, t in enumerate(templates.get("vild_14"), 1) if not t.endswith(".")]
    assert without_stop == [2, 3, 4, 5]


def test_fill_takes_the_label_as_it_is():
    assert templates.fill("a {} {x}", "{0} %s {y}") == "a {0} %s {y} {x}"


def test_file(tmp_path):
    path = tmp_path / "mine"
    path.write_text("a sketch of a {}.\n{} at night\n")
    assert templates.get(path) == templates.get(str(path)) == ("a sketch of a {}.", "{} at night")


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "is empty"),
        ("a {}\na cat\n", "line 2: {} stands 0 times"),
        ("{} and {}", "line 1: {} stands 2 times"),
        ("a {}\n\nb {}", "line 2: {} stands 0 times"),
    ],
)
def test_bad_file(tmp_path, text, fault):
    path = tmp_path / "mine.txt"
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        templates.get(path)
    assert fault in str(caught.value) and "\n" not in str(caught.value)


def test_unknown():
    with pytest.raises(UserError, match="unknown prompt templates 'vild': did you mean 'vild_14'"):
        templates.get("vild")
    with pytest.raises(UserError, match="no such file"):
        templates.get("nowhere.txt")
