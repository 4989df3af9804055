"""`ms-ovs benchmark --sets`: what it scores, keeps, goes on with and refuses."""

import csv
import json
import re
import threading

import numpy as np
import pytest
from PIL import Image
from rich.console import Console
from safetensors.numpy import save_file

from convert import read
from convert.conversion import FORMAT
from ms_ovs import api, distributed
from ms_ovs.cli import benchmark_sets
from ms_ovs.evaluation import partial
from tests.cli.refusals import one_line
from tests.worlds import in_threads

IMAGES = ("voc_20", "shapes")
PARTIAL = "partial-0-of-1.npz"


@pytest.fixture
def root(two_sets):
    return two_sets


@pytest.fixture
def checkpoint(tmp_path):
    """A file that says it is LSeg."""
    return checkpoint_of(tmp_path, 0)


def checkpoint_of(folder, value):
    path = folder / f"lseg{value}.safetensors"
    about = {"format": FORMAT, "system": "lseg", "variant": "clip_vitl16_384", "options": "{}"}
    save_file({"weight": np.full(2, value, np.float32)}, path, about)
    return path


@pytest.fixture
def model(colour_model, monkeypatch):
    """The colour model, to which any word is one of its colours."""

    def tokenize(texts):
        rows = np.zeros((len(texts), 77), np.int32)
        rows[:, 1] = [2 + len(text) % 4 for text in texts]
        return rows

    monkeypatch.setattr(api, "Tokenizer", lambda merges: tokenize)
    return colour_model


@pytest.fixture
def run(ms_ovs, model, checkpoint, root, tmp_path):
    """Run the command in one scale; returns (status, stdout, stderr)."""

    def run(*arguments, sets="pas20,shapes", out=tmp_path / "out", checkpoint=checkpoint, root=root):
        given = {"--checkpoint": checkpoint, "--sets": sets, "--root": root, "--out": out}
        said = [part for name, value in given.items() if value is not None for part in (name, value)]
        return ms_ovs("benchmark", *said, "--protocol", "single", *arguments)

    return run


def counted(out):
    """The confusion matrices and scores of all sets."""
    found = {}
    for name in IMAGES:
        with (out / name / "confusion.csv").open() as file:
            table = list(csv.reader(file))
        said = json.loads((out / name / "scores.json").read_text("utf-8"))
        found[name] = table, said["scores"], said["data"], said["failures"]
    return found


def test_one_table_of_all_sets(run, root, tmp_path):
    status, out, err = run(sets="a847,pas20,shapes,voc_20")
    assert status == 0
    assert f"ade20k_847 is not scored: absent: {root}/ADE20K_2021_17_01/images_detectron2/validation" in err
    assert "1 images were left out" in err
    assert re.search(r"│ voc_20 +│ +4 │", out) and re.search(r"│ shapes +│ +3 │", out)
    found = json.loads((tmp_path / "out/benchmark.json").read_text("utf-8"))
    assert list(found["sets"]) == ["voc_20", "shapes"] and list(found["left_out"]) == ["ade20k_847"]
    row = found["sets"]["voc_20"]
    said = json.loads((tmp_path / "out/voc_20/scores.json").read_text("utf-8"))
    assert row["scores"] == said["scores"] and row["data"] == said["data"]
    assert row["data"]["images"] == 4 and row["data"]["failed"] == 1 and row["seconds"] > 0
    assert row["protocol"]["name"] == "single" and len(row["identity"]["data"]) == 64
    table = (tmp_path / "out/benchmark.md").read_text("utf-8")
    header, _, *lines = [line[2:-2].split(" | ") for line in table.splitlines() if line.startswith("|")]
    cells = dict(zip(header, lines[0], strict=True))
    for name, key in (
        *(("mIoU", "miou"), ("fwIoU", "frequency_weighted_iou")),
        *(("pixel accuracy", "pixel_accuracy"), ("mean accuracy", "mean_accuracy")),
    ):
        assert cells[name] == f"{100 * said['scores'][key]:.2f}"
    assert (cells["data set"], cells["images"], cells["left out"]) == ("voc_20", "4", "1")
    assert cells["data sha256"] == row["identity"]["data"][:12]
    assert row["checkpoint"]["sha256"] in table and "protocol single: long_side 52" in table
    assert "Not scored: ade20k_847 (absent: " in table
    assert not list((tmp_path / "out").rglob("*partial*"))


def test_words_and_templates_are_the_systems(run, tmp_path, root):
    (root / "ADEChallengeData2016").mkdir()
    for part, source in (("images", "JPEGImages"), ("annotations", "annotations_ovs/val")):
        folder = root / "ADEChallengeData2016" / part / "validation"
        folder.mkdir(parents=True)
        for path in (root / source).iterdir():
            if path.stem != "3":
                (folder / path.name).write_bytes(path.read_bytes())
    for path in (root / "ADEChallengeData2016/annotations/validation").iterdir():
        Image.fromarray(np.minimum(np.array(Image.open(path)), 150)).save(path)
    assert run(sets="a150,pas20,shapes")[0] == 0
    found = json.loads((tmp_path / "out/benchmark.json").read_text("utf-8"))["sets"]
    assert {name: row["identity"]["words"] for name, row in found.items()} == {
        "ade20k_150": "lseg/ade20k_150",
        "voc_20": "voc_20",
        "shapes": "the data set's",
    }
    assert {row["identity"]["templates"] for row in found.values()} == {"none"}
    said = json.loads((tmp_path / "out/shapes/scores.json").read_text("utf-8"))["scores"]
    assert "unseen" in said and "harmonic" in said


@pytest.fixture
def killing(model, monkeypatch):
    """`killing(n)`: the network ends everything at its call n; counts are saved after every image."""
    call = type(model).__call__
    monkeypatch.setattr(partial, "EVERY", 0.0)

    def killing(at):
        left = [at]

        def dying(self, image, text):
            left[0] -= 1
            if left[0] < 0:
                raise KeyboardInterrupt
            return call(self, image, text)

        monkeypatch.setattr(type(model), "__call__", dying)

    return killing


def test_interrupted_anywhere_it_ends_as_one_that_was_not(run, model, killing, tmp_path):
    assert run(out=tmp_path / "whole")[0] == 0
    calls = len(model.calls)
    whole = counted(tmp_path / "whole")
    model.calls.clear()
    runs, at = 0, 5  # windows: those of an image, and one
    while True:
        killing(at)
        status, _, err = run()
        runs += 1
        if status == 0:
            break
        assert status == 130 and runs < calls
    assert runs > 4, "it was interrupted in both sets"
    found = counted(tmp_path / "out")
    assert found == whole
    assert "was scored before" in err and not list((tmp_path / "out").rglob("*partial*"))
    windows = calls / sum((4, 3))  # of an image: those of the one in which it ended are done again
    assert len(model.calls) < calls + runs * windows
    model.calls.clear()
    killing(0)
    status, out, err = run()
    assert status == 0 and not model.calls, "nothing is scored again"
    assert err.count("was scored before") == 2 and "voc_20" in out
    assert counted(tmp_path / "out") == whole


def test_it_tells_where_it_goes_on(run, killing, tmp_path):
    killing(10**9)
    run(out=tmp_path / "whole", sets="pas20")
    killing(5)
    assert run(sets="pas20")[0] == 130
    begun = tmp_path / "out/voc_20" / PARTIAL
    with np.load(begun) as file:
        done = int(file["counts"][:2].sum())
    assert 0 < done < 5
    killing(10**9)
    assert f"voc_20 goes on after {done} of 5 images" in run(sets="pas20")[2]


@pytest.fixture
def begun(run, killing, tmp_path):
    """The file of an interrupted run; nothing interrupts any more."""
    killing(5)
    assert run()[0] == 130
    killing(10**9)
    return tmp_path / "out/voc_20" / PARTIAL


def test_another_checkpoint_begins_anew(run, begun, tmp_path):
    status, _, err = run(checkpoint=checkpoint_of(tmp_path, 1))
    assert status == 0 and f"{begun} is of other checkpoint: voc_20 is begun anew" in err
    assert run(out=tmp_path / "whole", checkpoint=checkpoint_of(tmp_path, 1))[0] == 0
    assert counted(tmp_path / "out") == counted(tmp_path / "whole")


def test_scores_of_something_else_are_made_anew(run, root, tmp_path):
    assert run()[0] == 0
    first = counted(tmp_path / "out")
    path = root / "annotations_ovs/val/0.png"
    Image.fromarray(np.zeros((48, 40), np.uint8)).save(path)
    status, _, err = run()
    assert status == 0 and "voc_20/scores.json is of other data: voc_20 is scored anew" in err
    assert "shapes was scored before" in err
    again = counted(tmp_path / "out")
    assert again["voc_20"] != first["voc_20"] and again["shapes"] == first["shapes"]
    (tmp_path / "out/voc_20/scores.json").write_text("{")
    status, _, err = run()
    assert status == 0 and "scores.json is damaged or of no benchmark: voc_20 is scored anew" in err
    assert counted(tmp_path / "out") == again


def test_a_damaged_partial_file_begins_its_set_anew(run, begun, tmp_path):
    begun.write_bytes(begun.read_bytes()[:-20])
    status, _, err = run()
    assert status == 0 and re.search(r"partial-0-of-1.npz is damaged \(.+\): voc_20 is begun anew", err)
    assert run(out=tmp_path / "whole")[0] == 0
    assert counted(tmp_path / "out") == counted(tmp_path / "whole")


@pytest.fixture
def in_processes(model, checkpoint, root, monkeypatch):
    """Score VOC in two processes; `budgets` are the calls of the network after which each is killed."""
    call, here = type(model).__call__, threading.local()
    monkeypatch.setattr(partial, "EVERY", 0.0)
    monkeypatch.setattr(distributed, "join", lambda: here.world)

    def limited(self, image, text):
        here.left -= 1
        if here.left < 0:
            raise KeyboardInterrupt
        return call(self, image, text)

    monkeypatch.setattr(type(model), "__call__", limited)

    def in_processes(out, budgets):
        def work(world):
            here.world, here.left = world, budgets[world.rank]
            benchmark_sets.score(
                Console(stderr=True),
                checkpoint=checkpoint,
                sets="pas20",
                root=root,
                out=out,
                protocol="single",
                strict=False,
            )

        in_threads(2, work)

    return in_processes


def test_processes_share_the_images_and_each_keeps_its_own(run, model, in_processes, tmp_path, capsys):
    in_processes(tmp_path / "alone", [10**9, 10**9])
    windows = len(model.calls) // 4
    with pytest.raises(KeyboardInterrupt):
        in_processes(tmp_path / "out", [windows + 1, 1])
    kept = {path.name for path in (tmp_path / "out/voc_20").iterdir()}
    assert kept == {"partial-0-of-2.npz"}, "the second process finished no image"
    model.calls.clear()
    capsys.readouterr()
    in_processes(tmp_path / "out", [10**9, 10**9])
    assert "voc_20 goes on after 1 of 3 images" in capsys.readouterr().err
    assert len(model.calls) == 3 * windows and not list((tmp_path / "out").rglob("*partial*"))
    files = [(tmp_path / out / "voc_20/confusion.csv").read_bytes() for out in ("alone", "out")]
    assert files[0] == files[1]
    model.calls.clear()
    in_processes(tmp_path / "out", [0, 0])
    assert not model.calls, "the main process tells the other that all is done"


def test_what_another_number_of_processes_kept_is_not_gone_on_with(run, killing, tmp_path):
    killing(5)
    assert run()[0] == 130
    (tmp_path / "out/voc_20" / PARTIAL).rename(tmp_path / "out/voc_20/partial-0-of-2.npz")
    (tmp_path / "out/voc_20/.partial-0-of-1.npz.x7").touch()  # killed while it wrote
    killing(10**9)
    status, _, err = run()
    assert status == 0 and "partial-0-of-2.npz is of another number of processes" in err
    assert "goes on" not in err and not list((tmp_path / "out").rglob("*partial*"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"sets": "a150,pas21"}, "unknown data set 'pas21': did you mean 'pas20'"),
        ({"sets": ""}, "unknown data set ''"),
        ({"sets": "pascal5i"}, "pascal5i is not of images and maps of classes"),
        ({"sets": "a150,a847"}, "none of the 2 data sets is in"),
        ({"root": None}, "need --root"),
        ({"out": None}, "need --root, where the sets are, and --out"),
        ({"checkpoint": "nowhere.safetensors"}, "nowhere.safetensors: there is no such file"),
        ({"checkpoint": None, "sets": None}, "give --checkpoint or --sets, too"),
    ],
)
def test_refusals(run, monkeypatch, tmp_path, arguments, said):
    monkeypatch.setattr(api, "load_model", lambda *a, **k: 1 / 0)
    monkeypatch.setattr(api, "load_config", lambda path, system: read(path))
    status, out, err = run(**arguments)
    assert status == 2 and not out and said in one_line(err)
    assert not (tmp_path / "out").exists()


def test_a_word_too_many_and_a_wrong_protocol(run, tmp_path):
    status, _, err = run("clip")
    assert status == 2 and "'clip' does not go with --checkpoint and --sets" in one_line(err)
    status, _, err = run("--protocol", "lsge")
    assert status == 2 and "did you mean 'lseg'" in one_line(err)


def test_a_set_with_faults_ends_it_before_anything_is_scored(run, root, tmp_path):
    (root / "shapes/images/validation/000001.jpg").unlink()
    status, _, err = run()
    assert status == 2 and "has no image" in one_line(err)
    assert not (tmp_path / "out").exists()


def test_a_folder_of_shapes_is_no_other_set(run, root):
    status, _, err = run(sets="a150,shapes", root=root / "shapes")
    assert status == 0 and "ade20k_150 is not scored: absent" in err and "is a folder of shapes" in err


def test_strict(run, tmp_path):
    status, _, err = run("--strict", sets="pas20")
    assert status == 2 and "3: image '" in one_line(err)
