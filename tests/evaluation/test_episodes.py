"""Scoring episodes: each once, in full batches, on one process or several, whatever single ones do."""

from types import SimpleNamespace

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import create_model
from ms_ovs.data.transforms import Squeezed
from ms_ovs.errors import UserError
from ms_ovs.evaluation.episodes import OTHERS, evaluate_episodes, foreground, word_pairs
from tests.tiny import TINY

SIZE = 8
CLASSES = (4, 2, 9)


class Episodes:
    """Noise whose class is where it is light; items may be replaced by errors."""

    class_ids = CLASSES

    def __init__(self, count=7, bad=()):
        self.bad = dict(bad)
        self.images = np.random.default_rng(3).integers(0, 256, (count, SIZE, SIZE, 3), dtype=np.uint8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        if index in self.bad:
            raise self.bad[index]
        target = (self.images[index, ..., 0] > 127).astype(np.int32)
        target[0] = -1
        return self.images[index], target, CLASSES[index % len(CLASSES)]

    def name(self, index):
        return f"episode-{index}"


def by_red(images, numbers):
    """Right, except for the first class, which finds nothing."""
    return (images[:, 0] > 0).astype(np.int32) * (numbers > 0)[:, None, None]


def score(data, **settings):
    return evaluate_episodes(by_red, data, Squeezed(SIZE), **settings)


def test_every_episode_is_counted_once():
    data = Episodes()
    result = score(data)
    assert (result.images, result.failed, result.scores.episodes) == (7, 0, 7)
    np.testing.assert_allclose(result.scores.iou, [0, 1, 1])
    light = (data.images[1::3, 1:, :, 0] > 127).sum()
    assert result.scores.union[1, 1] == light, "ignored pixels are in no count"


@pytest.mark.parametrize("batch", [2, 3, 7, 10])
def test_batches_are_full_and_change_nothing(batch):
    seen, told = [], []

    def predict(images, numbers):
        assert images.dtype == np.float32 and len(numbers) == len(images)
        seen.append(images)
        return by_red(images, numbers)

    data = Episodes(bad={1: UserError("gone")})
    result = evaluate_episodes(
        predict, data, Squeezed(SIZE), batch=batch, progress=lambda *now: told.append(now)
    )
    np.testing.assert_array_equal(result.counts, score(Episodes(bad=data.bad)).counts)
    assert {images.shape for images in seen} == {(batch, 3, SIZE, SIZE)}
    assert len(seen) == len(told) == -(-7 // batch) and told[-1] == (7, 7, "episode-6")


def test_ranks_share_the_episodes():
    bad = {3: UserError("gone")}
    parts = [score(Episodes(bad=bad), batch=2, rank=rank, ranks=3) for rank in range(3)]
    assert [part.images + part.failed for part in parts] == [3, 2, 2]
    whole = score(Episodes(bad=bad))
    total = parts[0].summed(sum(part.counts for part in parts))
    np.testing.assert_array_equal(total.counts, whole.counts)
    assert (total.images, total.failed, total.scores.classes) == (6, 1, CLASSES)
    assert total.scores.miou == whole.scores.miou


def test_failures_are_collected_or_end_it():
    bad = {0: UserError("a.jpg is damaged"), 1: FileNotFoundError(2, "No such file")}
    result = score(Episodes(bad=bad), batch=2)
    assert (result.images, result.failed) == (5, 2)
    assert [(failure.index, failure.name) for failure in result.failures] == [
        (0, "episode-0"),
        (1, "episode-1"),
    ]
    assert result.failures[0].message == "a.jpg is damaged" and "No such file" in result.failures[1].message
    with pytest.raises(UserError, match=r"^episode-1: .*No such file"):
        score(Episodes(bad={1: bad[1]}), strict=True)


def test_what_the_model_raises_is_not_the_episode_s_fault():
    def damaged(images, numbers):
        raise UserError("not finite")

    with pytest.raises(UserError, match="not finite"):
        evaluate_episodes(damaged, Episodes(), Squeezed(SIZE))


def test_pairs_are_others_and_the_label():
    asked = []

    def tokenize(texts):
        asked.extend(texts)
        return np.arange(len(texts) * 77, dtype=np.int32).reshape(-1, 77)

    def encode(tokens):
        return tokens[:, :2].astype(np.float32)

    settings = {"templates": ("{}",), "weights_hash": "0", "cache": False}
    pairs = word_pairs(encode, ("ac_wall", "bus"), tokenizer=tokenize, **settings)
    assert asked == [OTHERS, "ac_wall", "bus"] and pairs.dtype == np.float32
    assert pairs.tolist() == [[[0, 1], [77, 78]], [[0, 1], [154, 155]]]


def test_each_image_of_a_batch_has_its_own_words(mode):
    system, variant, options, shape = TINY["lseg_resnet"]
    model = create_model(system, variant=variant, seed=5, **options)
    draws = np.random.default_rng(0)
    images = draws.standard_normal(shape, dtype=np.float32)
    pairs = draws.standard_normal((3, 2, 24), dtype=np.float32)
    masks = foreground(model, pairs)(images, np.array([2, 0]))
    assert masks.shape == (2, *shape[2:]) and masks.dtype == np.int32
    for image, number, mask in zip(images, (2, 0), masks, strict=True):
        # a batch of this image and these words alone, of the same size: one graph serves
        alone = model(ms.Tensor(np.stack([image] * 2)), ms.Tensor(pairs[[number] * 2]))
        np.testing.assert_array_equal(mask, alone.asnumpy()[0].argmax(0))
    assert 0 < masks.mean() < 1


def test_equal_scores_are_background_and_damaged_ones_an_error():
    model = SimpleNamespace(scores=np.zeros((1, 2, 4, 4), np.float32))
    predict = foreground(lambda images, text: ms.Tensor(model.scores), np.zeros((1, 2, 3), np.float32))
    image, number = np.zeros((1, 3, 4, 4), np.float32), np.array([0])
    assert not predict(image, number).any()
    model.scores[0, 1, 2, 2] = np.nan
    with pytest.raises(UserError, match="not finite"):
        predict(image, number)
