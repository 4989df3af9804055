"""Label maps in files: written and read again, and scored as they were."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import evaluate
from ms_ovs.evaluation.saved import META, MapWriter, Rescored, SavedMaps, as_saved, map_names

LABELS = ("red", "green", "blue")
NAMES = ("a.png", "deep/b.png", "deep/c.png")
ORIGIN = {"checkpoint": {"sha256": "c0ffee"}, "protocol": {"name": "single"}}


class Truth:
    """Three truths of 4×5 pixels, noise with -1 = no label."""

    def __init__(self):
        self.targets = np.random.default_rng(1).integers(-1, 3, (3, 4, 5), dtype=np.int32)

    def __len__(self):
        return 3

    def target(self, index):
        return self.targets[index]

    def name(self, index):
        return NAMES[index]


def predictions(count=3):
    return np.random.default_rng(2).integers(0, count, (3, 4, 5), dtype=np.int32)


def saved(folder, labels=LABELS, left_out=()):
    writer = MapWriter(folder, NAMES, labels)
    for index, prediction in enumerate(predictions(len(labels))):
        if index not in left_out:
            writer.write(index, prediction)
    writer.finish(**ORIGIN, left_out=dict.fromkeys(left_out, "damaged"))
    return folder


def rescored(folder, **settings):
    maps, data = SavedMaps(folder, NAMES), Truth()
    return evaluate(as_saved, Rescored(data, maps.read), LABELS, **settings)


def test_scored_again_as_they_were(tmp_path):
    class Photos(Truth):
        def __getitem__(self, index):
            return np.full((4, 5, 3), index, np.uint8), self.targets[index]

    first = evaluate(lambda image, progress: predictions()[image[0, 0, 0]], Photos(), LABELS)
    again = rescored(saved(tmp_path / "maps"))
    np.testing.assert_array_equal(again.counts, first.counts)
    assert again.images == 3 and again.scores.labelled > 0
    meta = SavedMaps(tmp_path / "maps", NAMES).meta
    assert meta.labels == list(LABELS) and meta.checkpoint == ORIGIN["checkpoint"]


@pytest.mark.parametrize(("count", "mode"), [(255, "L"), (256, "I;16"), (300, "I;16")])
def test_as_many_bits_as_the_classes_need(tmp_path, count, mode):
    saved(tmp_path, [f"class {number}" for number in range(count)])
    assert Image.open(tmp_path / "deep/b.png").mode == mode
    for index, prediction in enumerate(predictions(count)):
        np.testing.assert_array_equal(SavedMaps(tmp_path, NAMES).read(index), prediction)


def test_names_are_those_of_the_images():
    images = [Path("photos/a.jpg"), Path("photos/deep/b.c.jpg")]
    assert map_names(images, "photos") == ["a.png", "deep/b.c.png"]


def test_images_that_were_left_out_stay_so(tmp_path):
    evaluation = rescored(saved(tmp_path / "maps", left_out=[1]))
    assert (evaluation.images, evaluation.failed) == (2, 1)
    assert evaluation.failures[0].name == "deep/b.png"
    assert evaluation.failures[0].message == "left out when the maps were made: damaged"


def test_maps_that_cannot_be_scored_are_failures(tmp_path):
    saved(tmp_path)
    Image.fromarray(np.zeros((5, 4), np.uint8)).save(tmp_path / NAMES[0])
    Image.fromarray(np.full((4, 5), 3, np.uint8)).save(tmp_path / NAMES[1])
    (tmp_path / NAMES[2]).write_text("no picture")
    messages = [failure.message for failure in rescored(tmp_path).failures]
    assert messages[0] == "the prediction has 4×5 pixels, the truth 5×4: save predictions in full size"
    assert "b.png' holds class 3, there are 3 labels (0 to 2)" in messages[1]
    assert "c.png' cannot be read" in messages[2]
    with pytest.raises(UserError, match="^a.png: the prediction has"):
        rescored(tmp_path, strict=True)


def test_missing_maps(tmp_path):
    saved(tmp_path)
    for name in NAMES[1:]:
        (tmp_path / name).unlink()
    with pytest.raises(UserError, match="2 of 3 images have no label map in .*, the first is 'deep/b.png'"):
        SavedMaps(tmp_path, NAMES)


def test_without_meta_a_folder_is_not_whole(tmp_path):
    MapWriter(tmp_path, NAMES, LABELS).write(0, predictions()[0])
    with pytest.raises(UserError, match="has no meta.json.*interrupted"):
        SavedMaps(tmp_path, NAMES[:1])


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        ("{", "meta.json': Invalid JSON"),
        ('{"format": "ms_ovs label maps 1"}', "at labels: Field required"),
        ('{"format": "ms_ovs label maps 9", "labels": ["a"]}', "at format: Input should be"),
        ('{"format": "ms_ovs label maps 1", "labels": []}', "at labels: .*at least 1"),
    ],
)
def test_a_damaged_meta(tmp_path, content, rule):
    saved(tmp_path)
    (tmp_path / META).write_text(content)
    with pytest.raises(UserError, match=rule):
        SavedMaps(tmp_path, NAMES)


def test_maps_of_another_program(tmp_path):
    saved(tmp_path)
    (tmp_path / META).write_text(json.dumps({"format": "ms_ovs label maps 1", "labels": LABELS}))
    meta = SavedMaps(tmp_path, NAMES).meta
    assert meta.checkpoint == {} and meta.protocol == {"name": "not told"}
    assert rescored(tmp_path).images == 3


def test_labels_are_those_of_the_data(tmp_path):
    maps = SavedMaps(saved(tmp_path), NAMES)
    maps.check_labels(LABELS)
    maps.check_labels(["rot", "grün", "blau"])
    with pytest.raises(UserError, match="3 labels, the data set 2"):
        maps.check_labels(LABELS[:2])
    with pytest.raises(UserError, match="another order: class 1 is 'green' there and 'blue' here"):
        maps.check_labels(["red", "blue", "green"])


def test_predictions_are_not_mixed(tmp_path):
    saved(tmp_path / "maps")
    with pytest.raises(UserError, match="holds files already"):
        MapWriter(tmp_path / "maps", NAMES, LABELS)
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot be written"):
        MapWriter(tmp_path / "file", NAMES, LABELS)


def test_a_disk_that_is_full(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("ms_ovs.evaluation.saved.write_whole", full)
    with pytest.raises(UserError, match=r"a.png' \(No space left on device\)"):
        MapWriter(tmp_path, NAMES, LABELS).write(0, predictions()[0])


def test_scoring_again_needs_no_mindspore():
    modules = "saved", "panoptic", "panoptic_report", "report"
    imports = "; ".join(f"import ms_ovs.evaluation.{module}" for module in modules)
    code = f"import sys, ms_ovs.data.panoptic; {imports}; sys.exit('mindspore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
