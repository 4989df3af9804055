"""The small programs of the demonstration of MaskCLIP, on an embedded benchmark of a few scenes."""

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data import shapes
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.layouts import preset
from ms_ovs.evaluation import confusion
from ms_ovs.evaluation.saved import MapWriter, map_names
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.models.checkpoint import load_model
from tests.scripts.test_quickstart_scripts import run
from tests.training.runs import tiny_clip  # noqa: F401

ROWS = ("plain", "denoised", "smoothed", "both", "student")


def test_a_trained_clip_is_opened_with_all_that_its_file_says(tiny_clip, tmp_path):  # noqa: F811
    run("clip_to_maskclip.py", tiny_clip, tmp_path / "maskclip.safetensors", 96)
    clip, source = load_model(tiny_clip, system="clip")
    opened, found = load_model(tmp_path / "maskclip.safetensors", system="maskclip")
    config = opened.config
    assert config.text == clip.config.text and config.text.heads == 2  # shapes would tell one
    assert (config.mean, config.std, config.activation) == (
        clip.config.mean,
        clip.config.std,
        clip.config.activation,
    )
    assert config.scale == (96, 96) and found.metadata["source_sha256"] == source.sha256
    theirs = dict(clip.parameters_and_names())
    for name, parameter in opened.parameters_and_names():
        assert (parameter.asnumpy() == theirs[name].asnumpy()).all(), name


@pytest.fixture
def scored(tmp_path):
    """A benchmark, and the folder of a demonstration whose student is right; all others say class 3."""
    root = shapes.write(tmp_path / "shapes", train=1, val=8, captions=1, size=32).root
    data = FolderDataset(preset("shapes", root, "validation"))
    names, out = data.vocabulary.names, tmp_path / "demo"
    files = map_names(data.images, data.images[0].parent)
    for row in ROWS:
        scores = SemanticScores(names)
        writer = MapWriter(out / f"{row}_maps", files, names) if row in ("plain", "student") else None
        for index in range(len(data)):
            _, truth = data[index]
            prediction = truth if row == "student" else np.full_like(truth, 3)
            scores.update(prediction, truth)
            if writer:
                writer.write(index, prediction)
        if writer:
            writer.finish({}, {"name": "single"}, {})
        (out / row).mkdir()
        (out / row / "confusion.csv").write_text(confusion.table(scores.confusion, names))
    return root, out, data


def test_the_table_has_the_scores_and_what_chance_gives(scored):
    root, out, data = scored
    table = run("maskclip_table.py", root, out)
    found = json.loads((out / "maskclip.json").read_text())
    assert found["MaskCLIP+"] == {"all": 1.0, "pairs": 1.0, "grounds": 1.0}
    assert "MaskCLIP+" in table and table.count("100.0") == 3
    truth = np.stack([data.target(index) for index in range(len(data))])
    counts = np.bincount(truth.ravel(), minlength=34)
    # everywhere the commonest class: its share, over all classes that there are
    commonest = found["the commonest class everywhere"]
    assert commonest["all"] == pytest.approx(counts.max() / truth.size / np.count_nonzero(counts))
    # class 3 everywhere, under a word by lot: each class's share once in 34 draws
    lot = found["MaskCLIP, each word for another class"]
    present = np.count_nonzero(counts)
    assert lot["all"] == pytest.approx(1 / 34 / present, rel=0.35)


def test_the_picture_shows_teacher_and_student(scored):
    root, out, _ = scored
    sheets = []
    for _ in range(2):
        run("maskclip_table.py", root, out)
        with Image.open(out / "maskclip.png") as picture:
            sheets.append(np.asarray(picture.convert("RGB")))
        shutil.rmtree(out / "student_maps")
        shutil.copytree(out / "plain_maps", out / "student_maps")
    right, wrong = sheets
    # the student stands on the right
    half = right.shape[1] // 2
    rows = min(len(right), len(wrong)) // 2
    assert (right[:rows, half:] != wrong[:rows, half:]).any()
