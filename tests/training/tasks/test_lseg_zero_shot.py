"""LSeg's zero-shot networks as a task, on a PASCAL-5i of a few squares."""

import numpy as np
import pytest
from mindspore import Tensor
from PIL import Image

from ms_ovs import config
from ms_ovs.data import fewshot
from ms_ovs.data.transforms import HALF, Squeezed
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.training import keeping, tasks
from ms_ovs.training.loop import train
from ms_ovs.training.tasks import schema_of
from ms_ovs.vocab import labels
from ms_ovs.vocab.tokenizer import Tokenizer
from tests.training.runs import LSEG, saved, tiny_clip  # noqa: F401

TESTED = (0, 2, 2)  # classes of the images of fold 0, from 0
BORDER = 255


@pytest.fixture
def pascal(tmp_path, monkeypatch):
    """The folder: an image a class, each a square of it in the middle of something else. Tests have 5."""
    monkeypatch.setattr(fewshot, "EPISODES", 5)
    rng = np.random.default_rng(0)
    lists = {"val/fold0": TESTED, **{f"trn/fold{fold}": range(5 * fold, 5 * fold + 5) for fold in (1, 2, 3)}}
    for name, classes in lists.items():
        path = tmp_path / f"splits/pascal/{name}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        pairs = [(f"{path.stem}_{number}", class_id) for number, class_id in enumerate(classes)]
        path.write_text("".join(f"{image}__{class_id + 1:02}\n" for image, class_id in pairs))
        for image, class_id in pairs:
            truth = np.zeros((40, 50), np.uint8)
            truth[10:30, 15:35] = class_id + 1
            truth[8:10, 15:35] = BORDER
            photo = rng.integers(0, 256, (40, 50, 3), np.uint8)
            for folder, picture, kind in (
                ("JPEGImages", photo, "jpg"),
                ("SegmentationClassAug", truth, "png"),
            ):
                target = tmp_path / "VOC2012" / folder / f"{image}.{kind}"
                target.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(target)
    return tmp_path


@pytest.fixture
def read_config(pascal, tiny_clip, tmp_path):  # noqa: F811
    """Settings of two steps under overrides."""

    def read_config(*overrides):
        values = {
            "task": "lseg_zero_shot",
            "out": str(tmp_path / "run"),
            "mode": "pynative",
            "model": {"variant": "clip_vitl16_384", "options": LSEG, "text": str(tiny_clip)},
            "data": {
                "episodes": {
                    "few_shot": "pascal5i",
                    "root": str(pascal),
                    "splits": str(pascal / "splits"),
                    "fold": 0,
                },
                "size": 32,
            },
            "steps": 2,
            "batch_size": 2,
            "optimizer": {"name": "sgd", "lr": 0.01},
            "groups": [{"pattern": "text.*", "frozen": True}, {"pattern": "*"}],
            "validation": {"every": 2, "batch_size": 2, "best": "miou"},
        }
        return config.load(saved(values, tmp_path / "config.yaml"), schema_of, overrides)

    return read_config


def test_two_steps(read_config):
    outcome = train(read_config(), World())
    assert outcome.finished and outcome.scores.keys() == {"miou", "fb_iou"}
    assert all(0 <= score <= 1 for score in outcome.scores.values())
    assert (outcome.folder / keeping.BEST).is_file()


def test_scores_are_those_of_the_predictions(read_config):
    task = tasks.build(read_config(), World())
    found = task.validate().scores
    data = fewshot.open_fewshot(read_config().data.episodes, split="test")
    assert [episode.class_id for episode in data.episodes] == [0, 2, 2, 0, 2]
    names = labels.parse("pascal5i").names
    encode = task.network.encode_text
    areas = np.zeros(
        (2, 5, 2), np.int64
    )  # intersection and union of each class of the fold, outside and inside
    for image, target, class_id in (data[index] for index in range(5)):
        image, target = Squeezed(32, HALF, HALF)(image, target)
        words = np.asarray(encode(Tokenizer()(["others", names[class_id]])))
        scores = task.network(Tensor(image[None]), Tensor(words[None])).asnumpy()[0]
        inside, kept = scores[1] > scores[0], target >= 0
        assert not kept.all()  # borders do not count
        for side in (0, 1):
            mine, true = (inside == side) & kept, (target == side) & kept
            areas[:, class_id, side] += (mine & true).sum(), (mine | true).sum()
    both, either = areas
    per_class = np.where(either[:, 1] > 0, both[:, 1] / np.maximum(either[:, 1], 1), 0)
    assert found["miou"] == pytest.approx(per_class.mean(), abs=1e-6)
    assert found["fb_iou"] == pytest.approx((both.sum(0) / either.sum(0)).mean(), abs=1e-6)


def test_each_image_is_trained_with_the_words_of_its_class(read_config):
    task = tasks.build(read_config("batch_size=15"), World())
    (batch,) = task.loader.epoch(0)
    image, words, target = task.inputs(batch)
    assert image.shape == (15, 3, 32, 32) and words.shape == (15, 2, 16) and target.shape == (15, 32, 32)
    class_ids = batch[2].tolist()
    assert sorted(class_ids) == list(range(5, 20))  # none of the fold that is tested
    names = labels.parse("pascal5i").names
    expected = np.asarray(task.network.encode_text(Tokenizer()(["others", *(names[n] for n in class_ids)])))
    np.testing.assert_allclose(words.asnumpy()[:, 1], expected[1:], atol=1e-5)
    np.testing.assert_allclose(words.asnumpy()[:, 0], np.tile(expected[0], (15, 1)), atol=1e-5)
    assert set(np.unique(target.asnumpy())) == {0, 1}  # borders are background in training


def test_the_fold_must_fit(read_config):
    with pytest.raises(UserError, match="fold 4 does not exist"):
        tasks.build(read_config("data.episodes.fold=4"), World())
    with pytest.raises(UserError, match="pascal5i needs a fold: give 0 to 3"):
        tasks.build(read_config("data.episodes.fold=null"), World())
