"""`ms-ovs eval`, from arguments to tables, files and exit status."""

import json

import numpy as np
import pytest

from ms_ovs import api, distributed
from ms_ovs.cli import options
from ms_ovs.cli.eval_data import open_data
from ms_ovs.data import shapes
from ms_ovs.errors import UserError
from tests.cli.refusals import one_line

IMAGES = 3


@pytest.fixture
def data(flags):
    """The config of a set with the flag three times; its stripes have ids 1 to 3, the last column none."""
    return flags(map(str, range(IMAGES)))


@pytest.fixture
def run(ms_ovs, colour_model, tmp_path, data):
    """Run the command on the flags, in one scale; returns (status, stdout, stderr)."""

    def run(*arguments, data=data, protocol="single", out=tmp_path / "out", checkpoint="weights"):
        given = {"--checkpoint": checkpoint, "--data": data, "--out": out, "--protocol": protocol}
        said = [part for name, value in given.items() if value is not None for part in (name, value)]
        return ms_ovs("eval", *said, *arguments)

    return run


def scores(tmp_path):
    return json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))


def test_a_data_set(run, tmp_path, colour_model, data):
    status, tables, _ = run()
    assert status == 0
    assert "checkpoint sha256 c0ffee (lseg colours)" in tables
    assert f"data {data}: 3 of 3 images, 16200 pixels, 98.89% of them labelled" in tables
    assert "protocol single: long_side 52, crop_size 48, scales 1.0, flip no" in tables
    found = scores(tmp_path)
    assert found["scores"]["miou"] > 0.9 and found["data"]["images"] == IMAGES
    assert found["protocol"] == {
        "name": "single",
        "long_side": 52,
        "crop_size": 48,
        "scales": [1.0],
        "flip": False,
    }
    assert [row["name"] for row in found["classes"]] == ["red", "green", "blue"]
    assert found["templates"] == "none" and found["device"] == "CPU" and "versions" in found
    assert found["batch"] == 1
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"scores.json", "confusion.csv", "confusion.png", "predictions.png"}
    # the flag is 520 / 90 as wide as one window: two windows an image
    assert len(colour_model.calls) == 2 * IMAGES and set(colour_model.calls) == {(1, 3, 48, 48)}


@pytest.mark.parametrize(
    ("arguments", "protocol", "name", "views"),
    [
        ([], "lseg", "lseg", ([0.5, 0.75, 1.0, 1.25, 1.5, 1.75], True)),
        (["--scales", "0.5,1", "--flip"], "single", "custom", ([0.5, 1.0], True)),
        (["--no-flip", "--scales", "1"], "lseg", "custom", ([1.0], False)),
    ],
)
def test_views(run, tmp_path, arguments, protocol, name, views):
    assert run(*arguments, protocol=protocol)[0] == 0
    found = scores(tmp_path)["protocol"]
    assert found["name"] == name and (found["scales"], found["flip"]) == views


def test_other_words_for_the_classes(run, tmp_path):
    assert run("--labels", "red|crimson, green, blue", "--unseen", "blue, green")[0] == 0
    found = scores(tmp_path)
    assert found["synonyms"][0] == ["red", "crimson"]
    assert [row["unseen"] for row in found["classes"]] == [False, True, True]
    assert found["scores"]["seen"] == pytest.approx(found["classes"][0]["iou"])


def test_bad_images_are_left_out_and_listed(run, tmp_path):
    (tmp_path / "images" / "1.png").write_text("no picture")
    status, tables, messages = run()
    assert status == 0 and "2 of 3 images" in tables
    assert "left out: 1: " in messages and "1 images were left out" in messages
    assert scores(tmp_path)["failures"][0]["name"] == "1"


def test_strict(run, tmp_path):
    (tmp_path / "images" / "1.png").write_text("no picture")
    status, tables, messages = run("--strict")
    assert status == 2 and not tables and "1.png" in one_line(messages)
    assert not (tmp_path / "out").exists()


def test_nothing_could_be_scored(run, tmp_path):
    for number in range(IMAGES):
        (tmp_path / "images" / f"{number}.png").write_text("no picture")
    status, _, messages = run()
    assert status == 2 and "none of the 3 images" in one_line(messages)


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--labels", "red, green"], "2 classes, the data set 3"),
        (["--unseen", "gren"], "did you mean 'green'"),
        (["--unseen", "red, green, blue"], "all 3 labels"),
        (["--scales", "0.5;1"], "0.5;1"),
        (["--scales", "0"], "above 0"),
        (["--protocol", "lsge"], "did you mean 'lseg'"),
        (["--templates", "nothing"], "nothing"),
        (["--data", "nowhere.yaml"], "nowhere.yaml"),
        (["--fold", "1"], "--fold 1 has no meaning for"),
        (["--batch", "0"], "--batch"),
        (["--config", "nowhere.yaml"], "nowhere.yaml"),
    ],
)
def test_bad_input_is_found_before_the_model_is_loaded(run, monkeypatch, arguments, rule):
    monkeypatch.setattr(api, "load_model", lambda path, system: 1 / 0)
    status, _, messages = run(*arguments)
    assert status == 2 and rule in one_line(messages)


def test_out_that_is_a_file(run, tmp_path):
    (tmp_path / "out").touch()
    status, _, messages = run()
    assert status == 2 and "cannot be written" in one_line(messages)


def test_the_shapes_know_their_unseen_classes(tmp_path):
    shapes.write(tmp_path / "shapes", seed=1, train=1, val=2, captions=1, size=32)
    opened = open_data(str(tmp_path / "shapes"))
    assert opened.name.endswith("shapes (shapes, validation)")
    assert len(opened.data) == 2 and opened.unseen == shapes.UNSEEN and opened.seen == shapes.SEEN


def test_the_shapes_by_name(tmp_path):
    shapes.write(tmp_path, seed=1, train=1, val=2, captions=1, size=32)
    opened = open_data("shapes", root=tmp_path)
    assert len(opened.data) == 2 and (opened.unseen, opened.seen) == (shapes.UNSEEN, shapes.SEEN)
    training = open_data("shapes", root=tmp_path, split="training")
    assert len(training.data) == 1 and training.unseen == () and training.seen is None
    with pytest.raises(UserError, match="no-shapes"):
        open_data("shapes", root=tmp_path / "no-shapes")


def test_any_other_folder_is_ade20k_s(tmp_path):
    with pytest.raises(UserError, match="images/validation"):
        open_data(str(tmp_path))


def test_windows_in_batches(run, tmp_path, colour_model):
    assert run()[0] == 0
    plain = scores(tmp_path)
    colour_model.calls.clear()
    assert run("--batch", "2")[0] == 0
    assert colour_model.calls == [(2, 3, 48, 48)] * IMAGES
    found = scores(tmp_path)
    assert found["scores"] == plain["scores"] and found["protocol"] == plain["protocol"]
    assert found["batch"] == 2


def test_settings_from_a_file_and_flags_before_them(run, tmp_path, data):
    config = tmp_path / "eval.yaml"
    config.write_text(
        f"checkpoint: weights\ndata: {data}\nout: {tmp_path / 'out'}\nprotocol: lseg\nscales: [0.5, 1]\n"
        "flip: false\nbatch: 2\n"
    )
    from_file = {"data": None, "protocol": None, "out": None, "checkpoint": None}
    assert run("--config", config, **from_file)[0] == 0
    found = scores(tmp_path)
    assert found["protocol"]["scales"] == [0.5, 1.0] and not found["protocol"]["flip"]
    assert found["protocol"]["name"] == "custom" and found["batch"] == 2
    assert run("--config", config, "--flip", "--scales", "1", **from_file)[0] == 0
    found = scores(tmp_path)
    assert found["protocol"]["scales"] == [1.0] and found["protocol"]["flip"]
    config.write_text("protocl: single\n")
    status, _, messages = run("--config", config)
    assert status == 2 and "did you mean 'protocol'" in one_line(messages)


def test_the_checkpoint_of_the_quickstart(run, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for given in (None, options.QUICKSTART):
        status, _, messages = run(checkpoint=given)
        assert status == 2
        assert "bash scripts/quickstart.sh" in one_line(messages) and "python -m convert" in messages
    (tmp_path / options.QUICKSTART).parent.mkdir(parents=True)
    (tmp_path / options.QUICKSTART).touch()
    assert run(checkpoint=None)[0] == 0


class Recording:
    """The second process of a world: what it gives to the sums is kept."""

    rank, ranks, main = 1, 2, False

    def __init__(self):
        self.given = []

    def sum(self, counts):
        self.given.append(counts)
        return counts


class Main:
    """The first process: each sum adds what the second gives, an array or a function of the first's."""

    rank, ranks, main = 0, 2, True

    def __init__(self, others):
        self.others = list(others)

    def sum(self, counts):
        other = self.others.pop(0)
        return counts + (other(counts) if callable(other) else other)


def test_processes_share_the_images_and_the_main_one_writes(run, tmp_path, colour_model, monkeypatch):
    assert run()[0] == 0
    alone = scores(tmp_path)
    (tmp_path / "out" / "scores.json").unlink()
    colour_model.calls.clear()
    second = Recording()
    monkeypatch.setattr(distributed, "join", lambda: second)
    status, tables, _ = run()
    assert status == 0 and not tables and not (tmp_path / "out" / "scores.json").exists()
    assert len(colour_model.calls) == 2, "image 1 alone, of two windows"
    monkeypatch.setattr(distributed, "join", lambda: Main(second.given))
    status, tables, _ = run()
    assert status == 0 and "3 of 3 images" in tables
    assert scores(tmp_path)["scores"] == alone["scores"]


def test_the_main_process_reports_even_where_it_scored_nothing(run, tmp_path, monkeypatch):
    for number in (0, 2):
        (tmp_path / "images" / f"{number}.png").write_text("no picture")
    second = Recording()
    monkeypatch.setattr(distributed, "join", lambda: second)
    assert run()[0] == 0

    def no_failures(texts):
        return np.pad(np.frombuffer(b"[]", np.uint8), (texts.size // 2, texts.size // 2 - 2))

    monkeypatch.setattr(distributed, "join", lambda: Main([*second.given, np.array([0, 2]), no_failures]))
    status, tables, _ = run()
    assert status == 0 and "1 of 3 images" in tables and "c0ffee" in tables
    assert [failure["name"] for failure in scores(tmp_path)["failures"]] == ["0", "2"]


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("root: nowhere", "nowhere/VOCdevkit/VOC2012/JPEGImages"),
        ("root: nowhere\nsplit: test", "unknown split 'test'"),
        ("root: nowhere\nsplits: elsewhere", "--splits elsewhere has no meaning for voc_20"),
    ],
)
def test_a_file_names_the_folder_and_the_part(run, tmp_path, lines, said):
    config = tmp_path / "eval.yaml"
    config.write_text(f"data: voc_20\n{lines}\n")
    status, _, messages = run("--config", config, data=None)
    assert status == 2 and said in one_line(messages)
