"""`ms-ovs eval`, from arguments to tables, files and exit status."""

import json

import numpy as np
import pytest
import typer
from PIL import Image

from ms_ovs import api, command
from ms_ovs.cli.eval import evaluate, open_data
from ms_ovs.data import shapes
from ms_ovs.errors import UserError

IMAGES = 3


@pytest.fixture
def data(tmp_path, flag):
    """The config of a set with the flag three times; its stripes have ids 1 to 3, the last column none."""
    truth = np.zeros(flag.shape[:2], np.uint8)
    truth[:, :30], truth[:, 30:75], truth[:, 75:89] = 1, 2, 3
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for number in range(IMAGES):
        Image.fromarray(flag).save(tmp_path / "images" / f"{number}.png")
        Image.fromarray(truth).save(tmp_path / "labels" / f"{number}.png")
    config = tmp_path / "flags.yaml"
    config.write_text(
        f"image_dir: {tmp_path / 'images'}\nlabel_dir: {tmp_path / 'labels'}\nimage_suffix: .png\n"
        "labels: red, green, blue\noffset: 1\nignore: [0]\n"
    )
    return config


@pytest.fixture
def run(colour_model, monkeypatch, capsys, tmp_path, data):
    """Run the command on the flags, in one scale; returns (status, stdout, stderr)."""
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(evaluate)

    def run(*arguments, data=data, protocol="single", out=tmp_path / "out"):
        options = ["--checkpoint", "weights", "--data", data, "--out", out, "--protocol", protocol]
        monkeypatch.setattr("sys.argv", ["ms-ovs", *map(str, [*options, *arguments])])
        monkeypatch.setenv("COLUMNS", "200")
        with pytest.raises(SystemExit) as ended:
            command.run(app, "ms-ovs")
        captured = capsys.readouterr()
        return ended.value.code, captured.out, captured.err

    return run


def scores(tmp_path):
    return json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))


def one_line(text):
    lines = text.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("ms-ovs: error: ")
    return lines[0]


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
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert names == {"scores.json", "confusion.csv", "confusion.png"}
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
    opened = open_data(tmp_path / "shapes")
    assert opened.name.endswith("shapes (shapes, validation)")
    assert len(opened.data) == 2 and opened.unseen == shapes.UNSEEN and opened.seen == shapes.SEEN


def test_any_other_folder_is_ade20k_s(tmp_path):
    with pytest.raises(UserError, match="images/validation"):
        open_data(tmp_path)
