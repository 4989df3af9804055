"""CLIP as a task: which pairs train and which validate, what is left out of the text, and the score."""

import json

import numpy as np
import pytest
from mindspore import Tensor

from ms_ovs import config
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.training import tasks
from ms_ovs.training.tasks import clip, schema_of
from ms_ovs.vocab.tokenizer import Tokenizer
from tests.training.runs import clip_config, few_shapes, saved  # noqa: F401


@pytest.fixture
def read_config(few_shapes, tmp_path):  # noqa: F811
    """Settings of a small training under overrides."""

    def read_config(*overrides):
        values = clip_config(few_shapes, tmp_path / "run", mode="pynative")
        return config.load(saved(values, tmp_path / "config.yaml"), schema_of, overrides)

    return read_config


def captions(root):
    return [json.loads(line)["caption"] for line in (root / "captions.jsonl").read_text().splitlines()]


def met(loader):
    """The rows of tokens of an epoch."""
    return [tuple(row) for _, tokens in loader.epoch(0) for row in tokens]


def test_the_last_pairs_validate_and_the_others_train(read_config, few_shapes, monkeypatch):  # noqa: F811
    held = []
    monkeypatch.setattr(clip, "retrieval", lambda network, batches, world: held.extend(batches) or 0.5)
    task = tasks.build(read_config("data.held_out=8"), World())
    assert dict(task.validate().scores) == {"retrieval": 0.5}
    tokens = Tokenizer()(captions(few_shapes))
    longest = int((tokens != 0).sum(1).max())
    cut = [tuple(row) for row in tokens[:, :longest]]
    trained, validated = met(task.loader), [tuple(row) for _, rows in held for row in rows]
    assert sorted(trained) == sorted(cut[:16]) and validated == cut[16:]
    assert longest < 77  # padding is trimmed, the end of a text is not
    assert all(tokens.max() in row for row in trained)


def test_trimmed_padding_changes_no_feature(read_config, few_shapes):  # noqa: F811
    task = tasks.build(read_config(), World())
    whole = Tokenizer()(captions(few_shapes)[:4])
    longest = int((Tokenizer()(captions(few_shapes)) != 0).sum(1).max())
    assert whole.shape[1] > longest
    features = [task.network.text(Tensor(rows)).asnumpy() for rows in (whole, whole[:, :longest].copy())]
    np.testing.assert_allclose(*features, atol=1e-5)


def test_held_out_images_are_not_moved(read_config, monkeypatch):
    seen = []
    monkeypatch.setattr(clip, "retrieval", lambda network, batches, world: seen.append(list(batches)) or 0.5)
    task = tasks.build(read_config(), World())
    task.validate()
    task.validate()
    for (one, _), (other, _) in zip(*seen, strict=True):
        np.testing.assert_array_equal(one, other)
    still = tasks.build(read_config("data.mirror=0", "data.shift=0"), World())
    first, second = (next(iter(task.loader.epoch(0)))[0] for task in (task, still))
    assert not np.array_equal(first, second)


def test_without_held_out_pairs_nothing_is_scored(read_config):
    assert tasks.build(read_config("data.held_out=0"), World()).validate is None
    assert tasks.build(read_config("validation=null"), World()).validate is None


@pytest.mark.parametrize("count", [24, 25])
def test_some_pairs_must_be_left_to_train_on(read_config, count):
    with pytest.raises(UserError, match=f"data.held_out is {count} of 24 captions: leave some to train on"):
        tasks.build(read_config(f"data.held_out={count}"), World())


class Features:
    """A network whose features of an image and of tokens are what these hold, as directions in a plane."""

    def image(self, image):
        return Tensor(_direction(image.asnumpy()[:, 0, 0, 0]))

    def text(self, tokens):
        return Tensor(_direction(tokens.asnumpy()[:, 0] * 0.1))


def _direction(angle):
    # lengths that differ, which must not matter
    return (
        np.stack([np.cos(angle), np.sin(angle)], 1).astype(np.float32) * (1 + np.arange(len(angle)))[:, None]
    )


def batch(angles, words):
    images = np.zeros((len(angles), 3, 1, 1), np.float32)
    images[:, 0, 0, 0] = angles
    return images, np.array([[word, 9] for word in words], np.int32)


def test_retrieval_counts_images_nearest_to_their_caption():
    batches = [batch([0.1, 0.2, 0.3], [1, 3, 3]), batch([0.5, 0.6], [6, 5])]
    # of the first three the second is nearest to the word of another, of the last two both are
    batches[0][0][1, 0, 0, 0] = 0.12
    assert clip.retrieval(Features(), iter(batches), World()) == pytest.approx(2 / 5)


def test_an_equal_caption_counts_as_ones_own():
    # both texts say the same: whichever is the nearest, it is right
    assert clip.retrieval(Features(), iter([batch([0.2, 0.9], [2, 2])]), World()) == 1.0
    assert clip.retrieval(Features(), iter([batch([0.2, 0.9], [9, 2])]), World()) == 0.0


def test_counts_of_all_processes_make_the_score(monkeypatch):
    given = []
    monkeypatch.setattr(
        World, "sum", lambda world, counts: given.append(counts.tolist()) or counts + np.array([1, 2])
    )
    score = clip.retrieval(Features(), iter([batch([0.2, 0.9], [2, 9])]), World(0, 2))
    assert given == [[2, 2]] and score == pytest.approx(3 / 4)
