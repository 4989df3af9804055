"""`ms-ovs data`: what it prints, writes and refuses, and its exit status."""

import hashlib
import io
import json
import zipfile
from functools import partial

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data import shapes
from ms_ovs.data.prepare import datasets
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.recipe import Recipe
from tests.cli.refusals import one_line

FOLDER = "ADEChallengeData2016"


@pytest.fixture
def run(ms_ovs):
    """Run the command; returns (status, stdout, stderr)."""
    return partial(ms_ovs, "data")


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive with one pair in each split, which passes for the official one."""
    path = tmp_path / "ade.zip"
    with zipfile.ZipFile(path, "w") as packed:
        for split in ("training", "validation"):
            for part, kind, form in (("images", (4, 5, 3), "JPEG"), ("annotations", (4, 5), "PNG")):
                buffer = io.BytesIO()
                Image.fromarray(np.full(kind, 3, np.uint8)).save(buffer, form)
                suffix = "jpg" if form == "JPEG" else "png"
                packed.writestr(f"{FOLDER}/{part}/{split}/1.{suffix}", buffer.getvalue())
    sha1 = hashlib.sha1(path.read_bytes()).hexdigest()
    known = Recipe((Archive(path.name, FOLDER, sha1=sha1),), {"training": 1, "validation": 1}, FOLDER)
    monkeypatch.setitem(datasets.DATASETS, "ade20k_150", known)
    return path


def test_prepare_then_check(run, archive, tmp_path):
    root = tmp_path / "data"
    status, out, _ = run("prepare", "ade20k_150", "--source", archive, "--root", root)
    assert status == 0
    assert f"ade20k_150 is in {root / FOLDER}: 1 pairs for training, 1 pairs for validation" in out
    assert "4 files were written, 0 were there" in out
    _, out, _ = run("prepare", "ade20k_150", "--source", archive, "--root", root)
    assert "0 files were written, 4 were there" in out
    status, out, _ = run("check", "ade20k_150", "--root", root, "--workers", 0)
    assert status == 0 and "nothing is wrong with the files of ade20k_150" in out
    assert "ade20k_150 training" in out and "ade20k_150 validation" in out


def test_prepare_another_archive(run, archive, tmp_path):
    met = hashlib.sha1(archive.read_bytes()).hexdigest()
    with zipfile.ZipFile(archive, "a") as packed:
        packed.comment = b"packed anew"
    options = ["prepare", "ade20k_150", "--source", archive, "--root", tmp_path / "data"]
    status, out, err = run(*options)
    assert status == 2 and not out and f"ade.zip has {met}" in one_line(err)
    assert run(*options, "--sha1", hashlib.sha1(archive.read_bytes()).hexdigest())[0] == 0
    assert run(*options, "--no-check")[0] == 0


def test_prepare_refuses(run, tmp_path):
    status, _, err = run("prepare", "ade20k_15", "--source", "x", "--root", tmp_path)
    assert status == 2 and "did you mean 'ade20k_150'" in one_line(err)
    status, _, err = run("prepare", "ade20k_150", "--source", "x", "--root", tmp_path)
    assert status == 2 and "'x' does not exist: fetch ADEChallengeData2016.zip" in one_line(err)


@pytest.fixture
def config(tmp_path):
    """Settings of a set of 25 pairs with the ids 1 and 2."""
    for folder in ("images", "labels"):
        (tmp_path / folder).mkdir()
    for number in range(25):
        Image.new("RGB", (30, 20)).save(tmp_path / f"images/{number:02}.png")
        Image.new("L", (30, 20), 1 + number % 2).save(tmp_path / f"labels/{number:02}.png")
    path = tmp_path / "set.yaml"
    path.write_text(
        f"image_dir: {tmp_path / 'images'}\nlabel_dir: {tmp_path / 'labels'}\nimage_suffix: .png\n"
        "labels: dog, cat, cow\noffset: 1\nignore: [0]\n"
    )
    return path


def rows(table):
    return [[cell.strip() for cell in line.split("│")[1:-1]] for line in table.splitlines() if "│" in line]


def test_check_prints_tables_with_units(run, config):
    status, out, err = run("check", config)
    assert status == 0 and not err.strip()
    found = rows(out)
    assert ["pairs of image and label map", "25"] in found
    assert ["long side", "30", "30", "30"] in found and "median [px]" in out
    assert ["0", "dog", "13", "7800", "52.00"] in found
    assert ["2", "cow", "0", "0", "0.00"] in found and "1 of 3 classes are in no image" in out
    assert ["", "(ignored)", "", "0", "0.00"] in found


def test_check_tells_faults(run, config, tmp_path):
    for number in range(22):
        (tmp_path / f"images/{number:02}.png").write_text("no picture")
    status, out, _ = run("check", config, "--json", tmp_path / "out.json", "--workers", 0)
    assert status == 1
    assert ["image unreadable", "22"] in rows(out) and ["pairs without fault", "3"] in rows(out)
    assert out.count("image unreadable: image '") == 20
    assert "and 2 more: --json FILE lists all" in out and f"22 faults in {config}" in out
    (found,) = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert len(found["faults"]) == 22 and found["pairs"] == 25 and found["data"] == str(config)


def test_check_refuses(run, config, tmp_path):
    status, _, err = run("check", "shpaes", "--root", tmp_path)
    assert status == 2 and "did you mean 'shapes'" in one_line(err)
    status, out, err = run("check", config, "--json", tmp_path)
    assert status == 2 and not out and "is a folder: give a file name" in one_line(err)
    status, _, err = run("check", config, "--workers", -1)
    assert status == 2 and "workers is -1: give 0 or more" in one_line(err)


def test_shapes(run, tmp_path):
    root = tmp_path / "shapes"
    options = ["--seed", 3, "--train", 3, "--val", 2, "--captions", 4, "--size", 32]
    status, out, _ = run("shapes", "--root", root, *options)
    assert status == 0 and out.startswith("3 scenes for training, 2 for validation and 4 with captions")
    assert "32×32 pixels" in out and out.strip().endswith(str(root))
    assert shapes.describe(root).parameters == shapes.Parameters(seed=3, train=3, val=2, captions=4, size=32)
    status, out, _ = run("check", "shapes", "--root", root, "--split", "validation", "--workers", 0)
    assert status == 0 and ["pairs without fault", "2"] in rows(out)


def test_shapes_refuse(run, tmp_path):
    status, _, err = run("shapes", "--root", tmp_path / "x", "--size", 5)
    assert status == 2 and "size is 5 pixels: give 32 to 1024" in one_line(err)
    (tmp_path / "mine.txt").touch()
    status, _, err = run("shapes", "--root", tmp_path)
    assert status == 2 and "is not empty" in one_line(err)
