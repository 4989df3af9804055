"""ADE20K-847 from a small archive in the format of ADE20K_2021_17_01.zip."""

import pickle

import numpy as np
import pytest

from ms_ovs.data.prepare.ade20k_full import ADE20K_847, FOLDER, smaller, split_of
from ms_ovs.data.reading import read_image, read_labels
from ms_ovs.errors import UserError
from ms_ovs.vocab import datasets
from tests.data.prepare.archives import jpeg, pack_zip, png
from tests.data.prepare.end_to_end import checked, opened, perfect_score, prepared

IDS = {label: number for number, label in datasets.get("ade20k_847").raw_ids.items()}  # class: raw id
STRANGE = next(number for number in range(1, 3688) if number not in set(IDS.values()))
STREET, ROOM = (f"{FOLDER}/images/ADE/{place}" for place in ("validation/urban/street", "training/home/room"))


def colours(numbers):
    """uint8 (H,W,3): ids as ADE20K colours them, with any instance number as blue."""
    numbers = np.asarray(numbers)
    return np.stack([numbers // 256 * 10, numbers % 256, numbers % 7], -1).astype(np.uint8)


def image(folder, name, numbers):
    """What the archive has of an image."""
    height, width = np.asarray(numbers).shape
    return {
        f"{folder}/{name}.jpg": jpeg(np.full((height, width, 3), 99)),
        f"{folder}/{name}.json": b"{}",
        f"{folder}/{name}_seg.png": png(colours(numbers)),
        f"{folder}/{name}_parts_1.png": png(colours(numbers)),
        f"{folder}/{name}/instance_000_{name}.png": png(numbers),
    }


LARGE = np.random.default_rng(0).choice([*IDS.values(), STRANGE, 0], (600, 701))
LABELS = {"ADE_val_00000001": LARGE, "ADE_val_00000002": np.full((4, 5), STRANGE)}  # no class in the second
TRAINING = {"ADE_train_00000001": np.array([[IDS[0], IDS[846], 0]])}


def official(**index):
    """{name in the archive: content}."""
    places = [(STREET, name) for name in LABELS] + [(ROOM, name) for name in TRAINING]
    index = {
        "filename": [f"{name}.jpg" for _, name in places],
        "folder": [folder for folder, _ in places],
        "objectPresence": np.zeros((3688, 3)),
        **index,
    }
    files = {f"{FOLDER}/index_ade20k.pkl": pickle.dumps(index), f"{FOLDER}/objects.txt": b"wall\n"}
    for folder, name in places:
        files |= image(folder, name, {**LABELS, **TRAINING}[name])
    return files


@pytest.fixture
def run(monkeypatch, tmp_path):
    def run(files, **options):
        source = pack_zip(tmp_path / f"{FOLDER}.zip", files)
        counts = {"training": 1, "validation": 2}
        return prepared(monkeypatch, "ade20k_847", [source], tmp_path / "data", **options, **counts)

    return run


@pytest.fixture
def place(tmp_path):
    return tmp_path / "data" / FOLDER


def test_the_official_description():
    assert ADE20K_847.counts == {"training": 25574, "validation": 2000}
    assert split_of("ADE_val_00000001.jpg") == "validation"
    assert split_of("ADE_train_00000001.jpg") == split_of("ADE_frame_val_1.jpg") == "training"


def test_from_the_archive_to_scores(tmp_path, place, run):
    done = run(official())
    assert done.counts == {"training": 1, "validation": 2}
    assert (done.made.written, done.made.kept, done.left_out) == (3, 0, 0)
    unpacked = {path.name for path in (place / "images").rglob("*") if path.is_file()}
    assert unpacked == {f"{name}{end}" for name in {**LABELS, **TRAINING} for end in (".jpg", "_seg.png")}
    for split in ("training", "validation"):
        status, output = checked("ade20k_847", tmp_path / "data", split)
        assert status == 0 and "nothing is wrong" in output
    scores = perfect_score(opened("ade20k_847", tmp_path / "data"))
    assert scores.miou_present == pytest.approx(1) and scores.present.sum() == 847
    assert scores.ignored >= 20  # the whole second image
    assert (run(official()).made.written, run(official()).made.kept) == (0, 3)


def test_label_maps_have_16_bits(place, run):
    run(official(), splits=["training"])
    assert not (place / "annotations_detectron2/validation").exists()
    path = place / "annotations_detectron2/training/ADE_train_00000001.tif"
    assert np.array_equal(read_labels(path), [[0, 846, 65535]])
    assert path.stat().st_size < 4000


def test_large_images_are_made_smaller(place, run):
    run(official(), splits=["validation"])
    name = "ADE_val_00000001"
    labels = read_labels(place / f"annotations_detectron2/validation/{name}.tif")
    assert (
        labels.shape == (512, 598) == read_image(place / f"images_detectron2/validation/{name}.jpg").shape[:2]
    )
    classes = datasets.get("ade20k_847").raw_ids
    for row, column in ((0, 0), (1, 1), (100, 597), (511, 0), (511, 597)):
        number = LARGE[int(row * 600 / 512), int(column * 701 / 598)]
        assert labels[row, column] == classes.get(number, 65535)
    whole = read_labels(place / "annotations_detectron2/validation/ADE_val_00000002.tif")
    assert whole.shape == (4, 5) and (whole == 65535).all()


@pytest.mark.parametrize("shape", [(1100, 530), (530, 1100), (512, 2000)])
def test_the_bilinear_rule(shape):
    before = np.random.default_rng(1).integers(0, 256, (*shape, 3), np.uint8)
    after = smaller(before)
    height, width = after.shape[:2]
    assert min(height, width) == 512 and max(height, width) == round(max(shape) / min(shape) * 512)
    # between the two pixels whose centres enclose the place, each way
    rows, columns = (
        ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
        for new, old in zip((height, width), shape, strict=True)
    )
    top, left = (np.floor(at).astype(int) for at in (rows, columns))
    low, right = (np.minimum(at + 1, old - 1) for at, old in zip((top, left), shape, strict=True))
    down, across = (rows - top)[:, None, None], (columns - left)[None, :, None]
    wide = before.astype(float)
    upper = wide[top][:, left] * (1 - across) + wide[top][:, right] * across
    lower = wide[low][:, left] * (1 - across) + wide[low][:, right] * across
    assert np.abs(upper * (1 - down) + lower * down - after).max() <= 1


@pytest.mark.parametrize(("ending", "what"), [(".jpg", "image"), ("_seg.png", "label map")])
def test_a_file_that_the_index_names_is_missing(run, ending, what):
    files = official()
    del files[f"{STREET}/ADE_val_00000002{ending}"]
    rule = (
        rf"'ADE_val_00000002.jpg' of '.*index_ade20k.pkl' has no {what} ADE_val_00000002{ending} in .*street"
    )
    with pytest.raises(UserError, match=rf"{rule} \(1 of 2 have none\)"):
        run(files, splits=["validation"])


def test_colours_that_are_no_objects(run):
    files = official() | {f"{ROOM}/ADE_train_00000001_seg.png": png(np.full((2, 2, 3), 255))}
    with pytest.raises(UserError, match=r"_seg.png' holds 6655; values go to 3688.*\(1 of 1 files failed"):
        run(files, splits=["training"])


class Harm:
    def __reduce__(self):
        return print, ("harm",)


@pytest.mark.parametrize(
    ("index", "rule"),
    [
        (b"no pickle", "is no table of folders and file names"),
        (pickle.dumps({"filename": []}), r"is no table .*KeyError\('folder'\)"),
        (pickle.dumps({"filename": ["a.jpg"], "folder": []}), "is no table .*ValueError"),
        (pickle.dumps({"filename": [Harm()], "folder": []}), "it asks for builtins.print"),
        (pickle.dumps({"filename": ["../a.jpg"], "folder": ["x"]}), r"names 'x', '../a.jpg', which is no"),
        (pickle.dumps({"filename": ["a.jpg"], "folder": ["/x"]}), r"names '/x', 'a.jpg', which is no"),
        (pickle.dumps({"filename": ["a.jpg"], "folder": ["../x"]}), r"names '../x', 'a.jpg', which is no"),
    ],
)
def test_an_index_that_is_none(run, capsys, index, rule):
    with pytest.raises(UserError, match=rule):
        run(official() | {f"{FOLDER}/index_ade20k.pkl": index})
    assert "harm" not in capsys.readouterr().out


def test_archives_that_are_missing_or_cut_short(monkeypatch, tmp_path, run):
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        UserError, match=r"ade20k_847 needs ADE20K_2021_17_01.zip, which --source does not hold"
    ):
        prepared(monkeypatch, "ade20k_847", [tmp_path / "empty"], tmp_path / "data", validation=2)
    source = pack_zip(tmp_path / "short.zip", official())
    source.write_bytes(source.read_bytes()[:-100])
    with pytest.raises(
        UserError, match="short.zip' is neither a zip nor a tar, or is cut short: fetch it again"
    ):
        prepared(monkeypatch, "ade20k_847", [source], tmp_path / "data", validation=2)
    assert not (tmp_path / "data").exists()
