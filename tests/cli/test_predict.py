"""`ms-ovs predict`, from arguments to files and exit status."""

import json

import pytest
from PIL import Image

from ms_ovs import api
from ms_ovs.cli.predict import unique_stems
from ms_ovs.errors import UserError
from tests.cli.refusals import one_line

LABELS = "red, green, blue"


@pytest.fixture
def photos(tmp_path, flag):
    folder = tmp_path / "photos"
    folder.mkdir()
    for name in ("b.png", "a.png", "a.bmp"):
        Image.fromarray(flag).save(folder / name)
    return folder


@pytest.fixture
def predict(ms_ovs, colour_model, tmp_path):
    """Run the command; returns (status, stdout, stderr)."""

    def run(*arguments, labels=LABELS, out=tmp_path / "out"):
        options = ["--labels", labels, "--checkpoint", "weights.safetensors", "--out", out]
        return ms_ovs("predict", *arguments, *options)

    return run


def test_a_folder(predict, photos, tmp_path, colour_model):
    status, table, messages = predict(photos)
    assert status == 0
    names = {f"{stem}{end}" for stem in ("a", "a-2", "b") for end in ("_labels.png", "_overlay.png", ".json")}
    assert {path.name for path in (tmp_path / "out").iterdir()} == names
    assert json.loads((tmp_path / "out" / "a.json").read_text())["photo"] == "a.bmp"
    assert json.loads((tmp_path / "out" / "a-2.json").read_text())["photo"] == "a.png"
    for word in ("a.bmp", "b.png", "green 50.", "red 33.", "a-2_overlay.png"):
        assert word in table
    assert "graph compiled in" in messages and "model loaded in" in messages


def test_options_reach_the_segmenter(predict, photos, tmp_path, monkeypatch):
    given = {}

    class Spy(api.Segmenter):
        def __init__(self, checkpoint, **settings):
            given.update(settings, checkpoint=str(checkpoint))
            super().__init__(checkpoint, **settings)

    monkeypatch.setattr(api, "Segmenter", Spy)
    options = (
        "--device Ascend --fallback --mode pynative --templates vild_14 --long-side native --merges m.gz"
    )
    options += " --option pd_thresh=0.5 --option scale=[9,8] --class-weights clip.pt"
    status, _, messages = predict(photos / "a.png", *options.split(), labels="red")
    assert given == {
        "checkpoint": "weights.safetensors",
        "device": "Ascend",
        "fallback": True,
        "mode": "pynative",
        "templates": "vild_14",
        "whole": False,
        "long_side": "native",
        "merges": given["merges"],
        "options": {"pd_thresh": 0.5, "scale": [9, 8]},
        "class_weights": given["class_weights"],
    }
    assert str(given["merges"]) == "m.gz" and str(given["class_weights"]) == "clip.pt"
    assert "graph" not in messages


def test_a_bad_photo_does_not_cost_the_others(predict, photos, tmp_path):
    (photos / "bad.jpg").write_text("not a picture")
    (photos / "cut.png").write_bytes((photos / "a.png").read_bytes()[:60])
    status, table, messages = predict(photos)
    assert status == 2
    errors = [line for line in messages.splitlines() if "error" in line]
    assert len(errors) == 2 and "bad.jpg" in errors[0] and "cut.png" in errors[1]
    assert len(list((tmp_path / "out").glob("*.json"))) == 3
    assert "b.png" in table and "bad.jpg" not in table


def test_only_bad_photos(predict, tmp_path):
    for name in ("x.jpg", "y.jpg"):
        (tmp_path / name).write_text("not a picture")
    status, table, messages = predict(tmp_path / "x.jpg", tmp_path / "y.jpg")
    assert status == 2 and not table
    assert "x.jpg" in one_line(messages) and "1 more" in messages
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "labels", "rule"),
    [
        ([], "cat,, dog", "empty"),
        ([], "", "no labels"),
        ([], "cat, Cat", "twice"),
        (["nowhere.png"], LABELS, "does not exist"),
        (["--long-side", "12"], LABELS, "32 to 20000"),
        (["--long-side", "600", "--whole"], LABELS, "contradict"),
        (["--templates", "nothing"], LABELS, "nothing"),
        ([], "red, " + "x" * 99, "too long"),
    ],
)
def test_bad_input_is_found_before_the_model_is_loaded(
    predict, photos, monkeypatch, tmp_path, arguments, labels, rule
):
    monkeypatch.setattr(api, "load_model", lambda path, system: 1 / 0)
    status, _, messages = predict(photos, *arguments, labels=labels)
    assert status == 2 and rule in one_line(messages)
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_of_another_system(predict, photos, monkeypatch):
    def refuse(path, system, options):
        raise UserError(f"{path} is of another system than {system[0]}")

    monkeypatch.setattr(api, "load_model", refuse)
    status, _, messages = predict(photos)
    assert status == 2 and "another system than lseg" in one_line(messages)


def test_results_do_not_go_among_the_photos(predict, photos):
    status, _, messages = predict(photos, out=photos)
    assert status == 2 and "folder of photos" in one_line(messages)


def test_out_that_is_a_file(predict, photos, tmp_path):
    (tmp_path / "out").touch()
    status, _, messages = predict(photos)
    assert status == 2 and "cannot be written" in one_line(messages)


def test_names_with_markup_are_shown_as_they_are(predict, photos, flag):
    Image.fromarray(flag).save(photos / "x[red].png")
    status, table, _ = predict(photos / "x[red].png")
    assert status == 0 and "x[red].png" in table


@pytest.mark.parametrize(
    ("names", "stems"),
    [
        (["x/a.png", "y/b.png"], ["a", "b"]),
        (["x/a.png", "y/a.png", "y/a.jpg"], ["a", "a-2", "a-3"]),
        (["x/a.png", "y/A.png", "y/a-2.png"], ["a", "A-3", "a-2"]),
    ],
)
def test_stems_are_unique(tmp_path, names, stems):
    assert unique_stems([tmp_path / name for name in names]) == stems


def test_settings_from_a_file_and_flags_before_them(predict, photos, tmp_path):
    config = tmp_path / "large.yaml"
    config.write_text("long_side: 96\ntemplates: vild_14\n")
    assert predict(photos / "b.png", "--config", config, "--templates", "none")[0] == 0
    record = json.loads((tmp_path / "out" / "b.json").read_text())
    assert record["windows"]["long_side"] == 96
    assert record["templates"] == "none"
    config.write_text("lng_side: 96\n")
    status, _, messages = predict(photos / "b.png", "--config", config)
    assert status == 2 and "did you mean 'long_side'" in one_line(messages)
