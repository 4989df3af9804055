"""`ms-ovs eval` on a few-shot set, from arguments to tables, file and exit status."""

import json
from functools import partial
from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest
from PIL import Image

from ms_ovs import distributed, runtime
from ms_ovs.data import fewshot
from ms_ovs.models import checkpoint
from ms_ovs.vocab import tokenizer
from tests.cli.refusals import one_line

EPISODES = 5
WORDS = {"others": (0, 0, 0), "aeroplane": (1, 0, 0), "bicycle": (0, 1, 0)}


class PairModel:
    """Scores (B,2,H,W): the product of pixels and the colours that the words of each image name."""

    config = SimpleNamespace(mean=(0.5,) * 3, std=(0.5,) * 3, crop_size=16)

    def __init__(self):
        self.calls = []

    def encode_text(self, tokens):
        return np.array([*WORDS.values(), (0, 0, 1)], np.float32)[tokens[:, 1]]

    def __call__(self, image, text):
        self.calls.append((image.shape, text.shape))
        return ms.Tensor(np.einsum("bchw,bnc->bnhw", image.asnumpy(), text.asnumpy()))


def tokenize(texts):
    rows = np.zeros((len(texts), 77), np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[1] = list(WORDS).index(text) if text in WORDS else len(WORDS)
        row[2] = 9999
    return rows


@pytest.fixture
def model(monkeypatch, tmp_path):
    model = PairModel()
    found = SimpleNamespace(sha256="c0ffee", system="lseg", variant="pairs")
    monkeypatch.setattr(checkpoint, "load_model", lambda path, system: (model, found))
    monkeypatch.setattr(tokenizer, "Tokenizer", lambda merges: tokenize)
    monkeypatch.setattr(runtime, "setup", lambda device, mode, fallback: device)
    monkeypatch.setattr(fewshot, "EPISODES", EPISODES)
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "cache"))
    return model


@pytest.fixture
def data(tmp_path):
    """The config of a fold with a red aeroplane, and a green bicycle that is half as large in truth."""
    (tmp_path / "splits/pascal/val").mkdir(parents=True)
    (tmp_path / "splits/pascal/val/fold0.txt").write_text("a__01\nb__02\n")
    for folder in ("JPEGImages", "SegmentationClassAug"):
        (tmp_path / "VOC2012" / folder).mkdir(parents=True)
    for name, channel, stored, truth in (("a", 0, 1, 16), ("b", 1, 2, 8)):
        image, label_map = np.zeros((32, 48, 3), np.uint8), np.zeros((32, 48), np.uint8)
        image[:16, :, channel], label_map[:truth] = 255, stored
        Image.fromarray(image).save(tmp_path / f"VOC2012/JPEGImages/{name}.jpg", quality=100)
        Image.fromarray(label_map).save(tmp_path / f"VOC2012/SegmentationClassAug/{name}.png")
    config = tmp_path / "pascal.yaml"
    config.write_text(f"few_shot: pascal5i\nroot: {tmp_path}\nsplits: {tmp_path / 'splits'}\nfold: 0\n")
    return config


@pytest.fixture
def run(ms_ovs, model, tmp_path, data):
    """Run the command on the fold; returns (status, stdout, stderr)."""
    return partial(ms_ovs, "eval", "--checkpoint", "weights", "--data", data, "--out", tmp_path / "out")


def scores(tmp_path):
    return json.loads((tmp_path / "out" / "scores.json").read_text("utf-8"))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_fold(run, tmp_path, model, data, batch):
    status, tables, _ = run("--batch", batch)
    assert status == 0
    assert "checkpoint sha256 c0ffee (lseg pairs)" in tables
    assert f"data {data}: 5 of 5 episodes, 5 classes" in tables
    assert "protocol lseg_few_shot: size 16, words others label" in tables
    found = scores(tmp_path)
    ious = [row["iou"] for row in found["classes"]]
    assert ious[0] > 0.85 and 0.4 < ious[1] < 0.6 and ious[2:] == [None] * 3
    assert found["scores"]["miou"] == pytest.approx((ious[0] + ious[1]) / 5)
    assert found["data"] == {
        "name": str(data),
        "few_shot": "pascal5i",
        "fold": 0,
        "episodes": EPISODES,
        "failed": 0,
    }
    assert found["checkpoint"]["sha256"] == "c0ffee" and found["batch"] == batch
    assert [row["name"] for row in found["classes"]][:2] == ["aeroplane", "bicycle"]
    assert model.calls == [((batch, 3, 16, 16), (batch, 2, 3))] * -(-EPISODES // batch)


def test_bad_episodes_are_left_out_and_listed(run, tmp_path):
    (tmp_path / "VOC2012/JPEGImages/b.jpg").write_text("no picture")
    status, tables, messages = run()
    assert status == 0 and "3 of 5 episodes" in tables
    assert "left out: b bicycle: " in messages and "2 episodes were left out" in messages
    assert [failure["index"] for failure in scores(tmp_path)["failures"]] == [1, 3]
    status, _, messages = run("--strict")
    assert status == 2 and "b.jpg" in one_line(messages)


def test_processes_share_the_episodes(run, tmp_path, model, monkeypatch):
    assert run()[0] == 0
    alone = scores(tmp_path)["scores"]
    (tmp_path / "out" / "scores.json").unlink()
    sums = []

    def world(rank, sum_):
        return SimpleNamespace(rank=rank, ranks=2, main=rank == 0, sum=sum_)

    monkeypatch.setattr(distributed, "join", lambda: world(1, lambda counts: sums.append(counts) or counts))
    model.calls.clear()
    status, tables, _ = run()
    assert status == 0 and not tables and not (tmp_path / "out" / "scores.json").exists()
    assert len(model.calls) == 2
    monkeypatch.setattr(distributed, "join", lambda: world(0, lambda counts: counts + sums[0]))
    assert run()[0] == 0
    assert scores(tmp_path)["scores"] == alone and scores(tmp_path)["data"]["episodes"] == EPISODES


@pytest.mark.parametrize(
    ("arguments", "rule"),
    [
        (["--labels", "cat, dog"], "--labels does not go with a few-shot set"),
        (["--protocol", "single"], "--protocol does not go"),
        (["--no-flip"], "--flip does not go"),
        (["--fold", "4"], "fold 4 does not exist"),
        (["--fold", "1"], "fold1.txt"),
        (["--templates", "nothing"], "nothing"),
    ],
)
def test_bad_input_is_found_before_the_model_is_loaded(run, monkeypatch, arguments, rule):
    monkeypatch.setattr(checkpoint, "load_model", lambda path, system: 1 / 0)
    status, _, messages = run(*arguments)
    assert status == 2 and rule in one_line(messages)


def test_the_fold_may_come_from_the_command(run, tmp_path, data):
    data.write_text(data.read_text().replace("fold: 0", ""))
    status, _, messages = run()
    assert status == 2 and "needs a fold" in one_line(messages)
    assert run("--fold", "0")[0] == 0
    assert scores(tmp_path)["data"]["fold"] == 0
