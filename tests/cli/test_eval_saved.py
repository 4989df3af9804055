"""`ms-ovs eval` with predictions in files: saved, scored again, and those of another program."""

import json
import shutil
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
from PIL import Image

from ms_ovs import api, distributed
from ms_ovs.data import coco_panoptic
from ms_ovs.data.coco_panoptic import Category
from ms_ovs.data.segments import PanopticMap, Segment
from tests.cli.refusals import one_line

NAMES = ("a", "deep/a", "deep/b")


@pytest.fixture
def data(flags):
    """The config of a set with the flag three times, in folders; in the truth blue is narrower."""

    def narrower(truth):
        truth[:, 80:85], truth[:, 85:] = 2, 0

    return flags(NAMES, narrower)


@pytest.fixture
def save(ms_ovs, colour_model, tmp_path, data):
    """Score the model on the flags and keep its label maps in `maps`; returns (status, stdout, stderr)."""
    given = ("--checkpoint", "weights", "--data", data, "--protocol", "single", "--out", tmp_path / "first")
    return partial(ms_ovs, "eval", *given, "--save-predictions", tmp_path / "maps")


@pytest.fixture
def rescore(ms_ovs, tmp_path, data, monkeypatch):
    """Score the maps in `maps`, where no model can be loaded; returns (status, stdout, stderr)."""

    def run(*arguments):
        monkeypatch.setattr(api, "load_model", lambda path, system: 1 / 0)
        given = ("--predictions", tmp_path / "maps", "--data", data, "--out", tmp_path / "again")
        return ms_ovs("eval", *given, *arguments)

    return run


def scores(folder):
    return json.loads((folder / "scores.json").read_text("utf-8"))


def test_saved_and_scored_again(save, rescore, tmp_path):
    status, first, _ = save()
    assert status == 0
    found = {str(path.relative_to(tmp_path / "maps")) for path in (tmp_path / "maps").rglob("*.*")}
    assert found == {"a.png", "deep/a.png", "deep/b.png", "meta.json"}
    status, again, _ = rescore()
    assert status == 0 and again == first, "tables and where they come from"
    one, other = scores(tmp_path / "first"), scores(tmp_path / "again")
    for key in ("checkpoint", "data", "protocol", "scores", "classes", "failures"):
        assert one[key] == other[key]
    assert other["predictions"] == str(tmp_path / "maps") and 0.5 < other["scores"]["miou"] < 1
    assert (tmp_path / "again/confusion.csv").read_text() == (tmp_path / "first/confusion.csv").read_text()


def test_classes_may_be_called_unseen_later(save, rescore, tmp_path):
    assert save()[0] == 0 and rescore("--unseen", "blue")[0] == 0
    found = scores(tmp_path / "again")
    assert found["scores"]["unseen"] == pytest.approx(found["classes"][2]["iou"])
    status, _, messages = rescore("--unseen", "blu")
    assert status == 2 and "did you mean 'blue'" in one_line(messages)


def test_other_words_are_those_of_the_maps(save, rescore, tmp_path):
    assert save("--labels", "red|crimson, green, blue")[0] == 0 and rescore()[0] == 0
    assert scores(tmp_path / "again")["classes"] == scores(tmp_path / "first")["classes"]


def test_images_that_failed_stay_left_out(save, rescore, tmp_path):
    (tmp_path / "images/deep/a.png").write_text("no picture")
    assert save()[0] == 0
    assert not (tmp_path / "maps/deep/a.png").exists()
    status, tables, messages = rescore()
    assert status == 0 and "2 of 3 images" in tables
    assert "left out: a: left out when the maps were made: image" in messages


def test_maps_of_another_size_are_left_out(save, rescore, tmp_path):
    assert save()[0] == 0
    Image.fromarray(np.zeros((10, 20), np.uint8)).save(tmp_path / "maps/a.png")
    status, tables, messages = rescore()
    assert status == 0 and "2 of 3 images" in tables
    assert "left out: a: the prediction has 20×10 pixels, the truth 90×60" in messages
    status, tables, messages = rescore("--strict")
    assert status == 2 and not tables and "20×10" in one_line(messages)


def test_a_map_that_is_missing(save, rescore, tmp_path):
    assert save()[0] == 0
    (tmp_path / "maps/deep/b.png").unlink()
    status, _, messages = rescore()
    assert status == 2 and "1 of 3 images have no label map" in one_line(messages)
    assert "'deep/b.png'" in messages and not (tmp_path / "again").exists()


def test_writing_that_was_interrupted_leaves_no_set(save, rescore, tmp_path, monkeypatch):
    monkeypatch.setattr("ms_ovs.evaluation.saved.MapWriter.finish", lambda *given: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        save()
    assert (tmp_path / "maps/a.png").exists()
    status, _, messages = rescore()
    assert status == 2 and "has no meta.json" in one_line(messages)
    status, _, messages = save()
    assert status == 2 and "holds files already" in one_line(messages)


def test_processes_save_their_shares(save, rescore, tmp_path, monkeypatch):
    class Second:
        rank, ranks, main = 1, 2, False

        def sum(self, counts):
            return counts

    monkeypatch.setattr(distributed, "join", Second)
    assert save()[0] == 0
    assert [path.name for path in (tmp_path / "maps").rglob("*.*")] == ["a.png"], "deep/a alone, no meta.json"


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--checkpoint", "weights"], "--checkpoint does not go with --predictions"),
        (["--save-predictions", "maps"], "--save-predictions does not go with --predictions"),
        (["--labels", "a, b, c"], "--labels does not go with"),
        (["--protocol", "single"], "--protocol does not go with"),
        (["--scales", "1"], "--scales does not go with"),
        (["--no-flip"], "--flip does not go with"),
        (["--device", "CPU"], "--device does not go with --predictions"),
        (["--option", "pd_thresh=0.5"], "--option does not go with"),
        (["--pictures", "8"], "--pictures does not go with"),
    ],
)
def test_options_of_a_checkpoint(rescore, arguments, rule):
    status, _, messages = rescore(*arguments)
    assert status == 2 and rule in one_line(messages)


def test_few_shot_sets_are_not_saved(ms_ovs, tmp_path):
    (tmp_path / "splits/pascal/val").mkdir(parents=True)
    (tmp_path / "splits/pascal/val/fold0.txt").write_text("a__01\n")
    (tmp_path / "VOC2012/JPEGImages").mkdir(parents=True)
    (tmp_path / "VOC2012/SegmentationClassAug").mkdir()
    Image.fromarray(np.zeros((4, 4, 3), np.uint8)).save(tmp_path / "VOC2012/JPEGImages/a.jpg")
    Image.fromarray(np.ones((4, 4), np.uint8)).save(tmp_path / "VOC2012/SegmentationClassAug/a.png")
    config = tmp_path / "pascal.yaml"
    config.write_text(f"few_shot: pascal5i\nroot: {tmp_path}\nsplits: {tmp_path / 'splits'}\nfold: 0\n")
    for option, rule in (
        ("--save-predictions", "does not go with a few-shot set"),
        ("--predictions", "episodes"),
    ):
        arguments = ["--checkpoint", "weights"] if option == "--save-predictions" else []
        status, _, messages = ms_ovs(
            "eval", *arguments, "--data", config, "--out", tmp_path / "out", option, tmp_path / "maps"
        )
        assert status == 2 and rule in one_line(messages)


CATEGORIES = (Category(id=3, name="cat", isthing=True), Category(id=8, name="sky", isthing=False))


def panoptic(right):
    """4×6 pixels: two cats and the sky; where it is not right, the second cat is the sky's."""
    ids = np.zeros((4, 6), np.int32)
    ids[:, :2], ids[:2, 2:4], ids[2:, 2:] = 1, 2, 3
    if right:
        return PanopticMap(ids, (Segment(1, 0), Segment(2, 0), Segment(3, 1)))
    ids[ids == 2] = 3
    return PanopticMap(ids, (Segment(1, 0), Segment(3, 1)))


@pytest.fixture
def coco(tmp_path):
    """Two images with their truth, and predictions of which the second lacks a cat."""
    (tmp_path / "photos").mkdir()
    for name in "ab":
        Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(tmp_path / f"photos/{name}.jpg")
    truth = [(number, name, panoptic(True)) for number, name in enumerate("ab")]
    path = coco_panoptic.write(tmp_path / "truth", truth, CATEGORIES)
    guess = [(number, name, panoptic(number == 0)) for number, name in enumerate("ab")]
    said = {
        "checkpoint": {"sha256": "decaf", "system": "x"},
        "protocol": {"name": "short side", "pixels": 800},
    }
    coco_panoptic.write(tmp_path / "guess", guess, CATEGORIES, said)
    config = tmp_path / "coco.yaml"
    config.write_text(
        f"image_dir: {tmp_path / 'photos'}\npanoptic_dir: {tmp_path / 'truth'}\npanoptic_json: {path}\n"
        "labels: cat, sky\n"
    )
    return tmp_path


@pytest.fixture
def run(ms_ovs, coco):
    """Score panoptic predictions; returns (status, stdout, stderr)."""

    def run(*arguments, predictions=coco / "guess"):
        given = ("--predictions", predictions, "--data", coco / "coco.yaml", "--out", coco / "out")
        return ms_ovs("eval", *given, *arguments)

    return run


@pytest.mark.parametrize("place", ["guess", "guess/panoptic.json", "guess.json"])
def test_panoptic_maps(run, coco, place):
    if place == "guess.json":
        (coco / "guess/panoptic.json").rename(coco / place)
    status, tables, _ = run(predictions=coco / place)
    assert status == 0
    assert "checkpoint sha256 decaf (x)" in tables and "protocol short side: pixels 800" in tables
    assert f"data {coco / 'coco.yaml'}: 2 of 2 images, 6 segments" in tables
    found = scores(coco / "out")
    # of the sky 8 of 12 pixels are right in the second image, void being left out
    assert found["classes"][0]["pq"] == pytest.approx(3 / 3.5) and found["classes"][0]["false_negatives"] == 1
    assert found["scores"]["stuff"] == pytest.approx({"pq": 5 / 6, "sq": 5 / 6, "rq": 1, "classes": 1})
    assert found["scores"]["all"]["pq"] == pytest.approx((3 / 3.5 + 5 / 6) / 2)


def test_panoptic_maps_of_another_program(run, coco):
    content = json.loads((coco / "guess/panoptic.json").read_text())
    (coco / "guess/panoptic.json").write_text(json.dumps({"annotations": content["annotations"]}))
    status, tables, _ = run()
    assert status == 0 and tables.startswith("checkpoint not told\n") and "\nprotocol not told\n" in tables


def test_panoptic_maps_that_do_not_fit_are_left_out(run, coco):
    Image.fromarray(np.zeros((4, 6, 3), np.uint8)).save(coco / "guess/b.png")
    status, tables, messages = run()
    assert status == 0 and "1 of 2 images" in tables and "left out: b: panoptic map" in messages
    assert "segment 1 is listed and has no pixel" in messages
    shutil.copy(coco / "guess/a.png", coco / "guess/b.png")
    content = json.loads((coco / "guess/panoptic.json").read_text())
    content["annotations"][1]["segments_info"] = content["annotations"][0]["segments_info"]
    (coco / "guess/panoptic.json").write_text(json.dumps(content))
    assert run()[0] == 0 and scores(coco / "out")["scores"]["all"]["pq"] == 1


def test_panoptic_maps_of_another_size(run, coco):
    small = PanopticMap(np.ones((2, 2), np.int32), (Segment(1, 0),))
    maps = [(0, "a", panoptic(True)), (1, "b", small)]
    coco_panoptic.write(coco / "small", maps, CATEGORIES)
    status, _, messages = run(predictions=coco / "small")
    assert status == 0 and "left out: b: the prediction has 2×2 pixels, the truth 6×4" in messages


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda c: c["annotations"].pop(), "1 of 2 images have no panoptic map"),
        (
            lambda c: c["annotations"][0]["segments_info"][0].update(category_id=4),
            "is of category 4; known are 3, 8",
        ),
        (lambda c: c["annotations"][0].update(file_name="c.png"), "c.png' is missing (1 of 2"),
        (lambda c: c.update(annotations=None), "at annotations"),
    ],
)
def test_panoptic_predictions_at_fault(run, coco, change, rule):
    content = json.loads((coco / "guess/panoptic.json").read_text())
    change(content)
    (coco / "guess/panoptic.json").write_text(json.dumps(content))
    status, _, messages = run()
    assert status == 2 and rule in one_line(messages) and not (coco / "out").exists()


def test_panoptic_data_needs_predictions(ms_ovs, run, coco):
    given = ("--checkpoint", "weights", "--data", coco / "coco.yaml", "--out", coco / "out")
    status, _, messages = ms_ovs("eval", *given)
    assert status == 2 and "give --predictions" in one_line(messages)
    for arguments, rule in (
        (["--unseen", "cat"], "--unseen does not go with"),
        (["--fold", "1"], "--fold 1 has no meaning"),
    ):
        status, _, messages = run(*arguments)
        assert status == 2 and rule in one_line(messages)


def test_scoring_again_does_not_load_mindspore(save, tmp_path, data):
    assert save()[0] == 0
    arguments = ["eval", "--predictions", tmp_path / "maps", "--data", data, "--out", tmp_path / "again"]
    code = (
        "import sys; from ms_ovs.cli import main\n"
        f"sys.argv = {['ms-ovs', *map(str, arguments)]!r}\n"
        "try: main.main()\n"
        "except SystemExit as end: sys.exit(end.code or (9 if 'mindspore' in sys.modules else 0))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False).returncode == 0
