"""`ms-ovs data show`: the pictures that it writes, and what it refuses."""

from functools import partial

import numpy as np
import pytest
from PIL import Image

from ms_ovs import viz
from ms_ovs.data import named, shapes
from ms_ovs.data.check import Episodes
from ms_ovs.viz import histogram
from tests.cli.refusals import one_line


@pytest.fixture
def run(ms_ovs):
    """Run the command in one process; returns (status, stdout, stderr)."""
    return partial(ms_ovs, "data", "show", "--workers", 0)


@pytest.fixture
def root(tmp_path):
    """A benchmark of 3 + 2 scenes."""
    return shapes.write(tmp_path / "shapes", seed=0, train=3, val=2, captions=0, size=32).root


@pytest.fixture
def shown(monkeypatch):
    """What is drawn: (samples, names) of each sheet, and (names, pixels, images) of each histogram."""
    sheets, bars = [], []
    sheet, histogram_ = viz.contact_sheet, histogram.class_histogram
    monkeypatch.setattr(viz, "contact_sheet", lambda *a, **k: sheets.append(a) or sheet(*a, **k))
    monkeypatch.setattr(
        histogram, "class_histogram", lambda *a, **k: bars.append((*a, k)) or histogram_(*a, **k)
    )
    return sheets, bars


def test_every_part_of_a_named_set(run, root, tmp_path, shown):
    status, out, err = run("shapes", "--root", root, "--out", tmp_path / "out", "--count", 2)
    assert status == 0 and not err.strip()
    names = [
        f"shapes_{part}_{kind}.png" for part in ("training", "validation") for kind in ("classes", "images")
    ]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    assert out.count(" is shown in ") == 2 and all(name in out for name in names)
    for name in names:
        with Image.open(tmp_path / "out" / name) as picture:
            assert min(picture.size) > 100
    sheets, bars = shown
    assert [len(samples) for samples, _ in sheets] == [2, 2]
    assert [len(names) for _, names in sheets] == [28, 34]
    stored = [np.array(Image.open(path)) for path in sorted((root / "annotations/validation").iterdir())]
    names, pixels, images, said = bars[1]
    assert pixels.tolist() == [sum(int((one == n + 1).sum()) for one in stored) for n in range(34)]
    assert images.tolist() == [sum(bool((one == n + 1).any()) for one in stored) for n in range(34)]
    assert said["title"] == "shapes validation" and said["numbers"] == list(range(34))
    absent = int((pixels == 0).sum())
    assert (
        said["remark"] == f"2 pairs, 34 classes ({absent} in no image), 0.00205 million pixels (0.0% ignored)"
    )


def test_the_seed_draws_the_images(run, root, tmp_path):
    pictures = []
    for seed in (0, 0, 1, 2, 3):
        given = ["--split", "training", "--count", 1, "--seed", seed]
        assert run("shapes", "--root", root, "--out", tmp_path, *given)[0] == 0
        pictures.append((tmp_path / "shapes_training_images.png").read_bytes())
    assert pictures[0] == pictures[1] and len(set(pictures)) > 1


@pytest.fixture
def config(root, tmp_path):
    """A YAML file for the validation scenes, of which one cannot be read."""
    (root / "images/validation/000001.jpg").write_text("no picture")
    path = tmp_path / "mine.yaml"
    path.write_text(
        f"image_dir: {root / 'images/validation'}\nlabel_dir: {root / 'annotations/validation'}\n"
        f"labels: {root / 'labels.txt'}\noffset: 1\nignore: [0]\n"
    )
    return path


def test_a_file_of_settings_and_faults(run, config, tmp_path, shown):
    status, out, _ = run(config, "--out", tmp_path / "out")
    assert status == 0
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"mine_images.png", "mine_classes.png"}
    assert f"1 faults in {config}, which are in no picture: ms-ovs data check" in out
    (samples, _), *_ = shown[0]
    assert [one.name for one in samples] == ["000002"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["shpaes"], "did you mean 'shapes'"),
        (["shapes"], "give --root"),
        (["voc_20", "--root", "nowhere"], "'nowhere/VOCdevkit/VOC2012/JPEGImages' does not exist"),
        (["shapes", "--root", "{root}", "--split", "test"], "unknown split 'test'"),
        (["shapes", "--root", "{root}", "--count", "0"], "--count"),
        (["shapes", "--root", "{root}", "--out", "{root}/labels.txt"], "cannot be written"),
    ],
)
def test_refusals(run, root, tmp_path, arguments, said):
    given = [part.format(root=root) for part in arguments]
    if "--out" not in given:
        given += ["--out", str(tmp_path / "out")]
    status, out, err = run(*given)
    assert status == 2 and not out and said in one_line(err)
    assert not (tmp_path / "out").exists()


def test_episodes_are_refused(run, tmp_path, monkeypatch):
    monkeypatch.setattr(named, "sources", lambda data, **options: {f"{data} test": Episodes(None)})
    status, out, err = run("few.yaml", "--out", tmp_path / "out")
    assert status == 2 and not out and "few.yaml test holds episodes" in one_line(err)
