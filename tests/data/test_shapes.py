"""The embedded benchmark: what is promised about its files, and its scenes."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data import scenes, sentences, shapes
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels

SMALL = dict(seed=3, train=12, val=5, captions=30, size=48)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    return shapes.write(tmp_path_factory.mktemp("data") / "shapes", **SMALL)


def content(root):
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def raw(path):
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


def test_same_seed_same_bytes_and_more_scenes_change_no_scene(written, tmp_path):
    again = content(shapes.write(tmp_path / "again", **SMALL).root)
    assert again == content(written.root)
    more = content(shapes.write(tmp_path / "more", **{**SMALL, "train": 14}).root)
    assert {
        name: data for name, data in again.items() if name.endswith((".jpg", ".png"))
    }.items() <= more.items()
    other = content(shapes.write(tmp_path / "other", **{**SMALL, "seed": 4}).root)
    assert other["images/training/000001.jpg"] != again["images/training/000001.jpg"]


def test_parts_are_different_scenes(written):
    first = [written.root / name for name in ("images/training", "images/validation", "captions")]
    assert len({(folder / "000001.jpg").read_bytes() for folder in first}) == 3


def test_layout(written):
    for split, count in (("training", 12), ("validation", 5)):
        names = sorted(path.stem for path in (written.root / "images" / split).iterdir())
        assert names == [f"{number:06}" for number in range(1, count + 1)]
        assert names == sorted(path.stem for path in (written.root / "annotations" / split).iterdir())
    with Image.open(written.root / "images/training/000001.jpg") as image:
        assert (image.mode, image.size) == ("RGB", (48, 48))
    assert not list(written.root.parent.glob(".*"))


def test_classes(written):
    assert labels.parse(written.root / "labels.txt").names == written.names
    assert len(written.names) == 34 and len(written.unseen) == 6
    assert sorted(written.seen + written.unseen + written.background) == list(range(34))
    seen = [written.names[index].split() for index in written.seen]
    assert {colour for colour, _ in seen} == set(scenes.COLOURS)
    assert {shape for _, shape in seen} == set(scenes.SHAPES)
    assert shapes.describe(written.root) == written


def test_unseen_pairs_are_unlabelled_in_training_only(tmp_path):
    data = shapes.write(tmp_path / "shapes", seed=0, train=200, val=150, captions=400, size=32)
    unseen = np.array(data.unseen) + 1
    values = {
        split: np.concatenate([raw(path).ravel() for path in (data.root / "annotations" / split).iterdir()])
        for split in ("training", "validation")
    }
    assert not np.isin(values["training"], unseen).any() and (values["training"] == 0).any()
    assert set(unseen) <= set(values["validation"]) and not (values["validation"] == 0).any()
    assert max(value.max() for value in values.values()) <= len(data.names)
    assert set(np.array(data.seen + data.background) + 1) <= set(values["training"])
    said = [json.loads(line)["caption"] for line in (data.root / "captions.jsonl").read_text().splitlines()]
    assert all(any(name in caption for caption in said) for name in data.names)


def test_captions(written):
    entries = [json.loads(line) for line in (written.root / "captions.jsonl").read_text().splitlines()]
    assert len(entries) == 30 and len({entry["caption"] for entry in entries}) > 20
    assert all((written.root / entry["image"]).is_file() for entry in entries)


def test_caption_names_what_is_there():
    for seed in range(200):
        rng = np.random.default_rng(seed)
        scene = scenes.draw(shapes._pairs(int(rng.integers(0, 4)), rng), 32, rng)
        text = sentences.caption(scene, rng)
        named = [name for name in shapes.NAMES if name in text]
        assert named and set(named) <= set(scene.words), text


def test_pixels_show_their_class():
    """The colour in the middle of what belongs to a thing is that of its word."""
    rng = np.random.default_rng(0)
    for colour, shape in shapes.PAIRS:
        scene = scenes.draw([(colour, shape)], 64, rng)
        mine = scene.owner == len(scene.grounds)
        shown = np.median(scene.image[mine], 0)
        nearest = min(scenes.COLOURS, key=lambda name: np.abs(shown - scenes.COLOURS[name]).sum())
        assert nearest == colour
        assert scene.words[-1] == f"{colour} {shape}"


def test_later_things_lie_on_earlier_ones_and_all_stay_in_sight():
    overlaps = 0
    for seed in range(60):
        scene = scenes.draw(shapes._pairs(4, rng := np.random.default_rng(seed)), 64, rng)
        first = len(scene.grounds)
        inside = [scenes.coverage(thing, 64) >= 0.5 for thing in scene.things]
        for index, mine in enumerate(inside):
            hidden = np.logical_or.reduce(inside[index + 1 :]) & mine if inside[index + 1 :] else mine & False
            np.testing.assert_array_equal(scene.owner == first + index, mine & ~hidden)
            assert (scene.owner == first + index).sum() >= max(60, scenes.LEAST_SEEN * mine.sum())
            overlaps += bool(hidden.any())
    assert overlaps > 20


def test_no_shape_is_another():
    things = [scenes.Thing("red", shape, 0.5, 0.5, 0.25, 10.0) for shape in scenes.SHAPES]
    covers = [scenes.coverage(thing, 64) for thing in things]
    areas = [cover.sum() for cover in covers]
    assert max(areas) < 2 * min(areas)
    assert all(np.abs(a - b).sum() > 120 for i, a in enumerate(covers) for b in covers[:i])


def test_what_is_there_is_kept(written, monkeypatch):
    monkeypatch.setattr(shapes, "_write_files", lambda *_: pytest.fail("written again"))
    assert shapes.write(written.root, **SMALL) == written


def test_other_parameters_and_missing_files_are_written_again(tmp_path):
    root = tmp_path / "shapes"
    small = dict(seed=0, train=2, val=1, captions=2, size=32)
    before = content(shapes.write(root, **small).root)
    (root / "annotations/training/000002.png").unlink()
    assert content(shapes.write(root, **small).root) == before
    told = []
    progress = lambda done, total: told.append((done, total))  # noqa: E731
    assert shapes.write(root, **{**small, "train": 1}, progress=progress).parameters.train == 1
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert len(list((root / "images/training").iterdir())) == 1


def test_stopped_while_writing(tmp_path, monkeypatch):
    root = tmp_path / "shapes"
    small = dict(seed=0, train=3, val=1, captions=1, size=32)

    def stop(done, total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        shapes.write(root, **small, progress=stop)
    assert not root.exists()
    assert len(content(shapes.write(root, **small).root)) == 2 * 4 + 1 + 3
    assert [path.name for path in tmp_path.iterdir()] == ["shapes"]


def test_a_folder_of_something_else_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(UserError, match="is not empty and holds no shapes.json: name another folder"):
        shapes.write(tmp_path, **SMALL)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_errors(tmp_path, written):
    with pytest.raises(UserError, match="size is 8 pixels: give 32 to 1024"):
        shapes.write(tmp_path / "a", size=8)
    with pytest.raises(UserError, match="train is -1: give 0 or more"):
        shapes.write(tmp_path / "a", train=-1)
    with pytest.raises(UserError, match="holds no shapes.json: give the folder"):
        shapes.describe(tmp_path / "nothing")
    broken = tmp_path / "broken"
    shutil.copytree(written.root, broken)
    (broken / "shapes.json").write_text("{")
    with pytest.raises(UserError, match="cannot be read"):
        shapes.describe(broken)
    (broken / "shapes.json").write_text('{"format": "ms_ovs shapes 0"}')
    with pytest.raises(UserError, match="remove the folder"):
        shapes.write(broken, **SMALL)
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be"):
        shapes.write(tmp_path / "file" / "deeper", **SMALL)


def test_paths_are_relative(written):
    text = (written.root / "captions.jsonl").read_text() + (written.root / "shapes.json").read_text()
    assert str(Path.cwd()) not in text and str(written.root) not in text
