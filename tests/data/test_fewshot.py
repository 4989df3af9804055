"""Folds and masks of the recorded case, and the episodes of each set by its rules."""

import json
import pickle
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data import fewshot
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels

CASE = Path(__file__).parents[1] / "reference/lseg/transforms/case.json"
FOLDS = json.loads(CASE.read_text())["folds"]


@pytest.mark.parametrize("fold", range(4))
def test_folds(fold):
    recorded = FOLDS[f"pascal fold {fold}"]
    assert list(fewshot.pascal_classes(fold, "test")) == recorded["test_class_ids"]
    assert list(fewshot.pascal_classes(fold, "training")) == recorded["train_class_ids"]
    tested = FOLDS[f"coco fold {fold}"]["test_class_ids"]
    assert list(fewshot.coco_classes(fold, "test")) == tested
    assert sorted([*fewshot.coco_classes(fold, "training"), *tested]) == list(range(80))


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())


def picture(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.array(values, np.uint8)).save(path)


def test_pascal(tmp_path):
    for fold in range(4):
        write(tmp_path / f"splits/pascal/val/fold{fold}.txt", f"a__{5 * fold + 1:02}\nb__{5 * fold + 3:02}\n")
        write(tmp_path / f"splits/pascal/trn/fold{fold}.txt", f"a__{5 * fold + 2:02}\n")
    test = fewshot.pascal5i(tmp_path, tmp_path / "splits", 1)
    assert len(test) == 1000 and test.class_ids == (5, 6, 7, 8, 9)
    assert [episode.class_id for episode in test.episodes] == [5, 7] * 500
    assert test.name(1) == f"b {labels.parse('pascal5i').names[7]}"
    picture(tmp_path / "VOC2012/JPEGImages/a.jpg", np.zeros((1, 4, 3)))
    picture(tmp_path / "VOC2012/SegmentationClassAug/a.png", [[0, 6, 7, 255]])
    image, target, class_id = test[0]
    assert image.shape == (1, 4, 3) and class_id == 5
    assert target.tolist() == [[0, 1, 0, -1]] and target.dtype == np.int32
    training = fewshot.pascal5i(tmp_path, tmp_path / "splits", 1, "training")
    assert [episode.class_id for episode in training.episodes] == [1, 11, 16]
    picture(tmp_path / "VOC2012/SegmentationClassAug/a.png", [[0, 2, 7, 255]])
    assert training[0][1].tolist() == [[0, 1, 0, 0]]  # borders are background


def test_coco_draws_are_those_of_the_global_legacy_generator(tmp_path):
    rng = np.random.default_rng(5)
    images = {c: [f"val2014/COCO_{c}_{n}.jpg" for n in range(rng.integers(3, 40))] for c in range(2, 80, 4)}
    write(tmp_path / "splits/coco/val/fold2.pkl", pickle.dumps(images, 2))
    dataset = fewshot.coco20i(tmp_path, tmp_path / "splits", 2)
    state = np.random.get_state()
    np.random.seed(0)  # as the test script of the authors begins
    for episode in dataset.episodes:
        class_id = np.random.choice(list(range(2, 80, 4)), 1, replace=False)[0]
        name = np.random.choice(images[class_id], 1, replace=False)[0]
        assert (episode.class_id, episode.image) == (class_id, tmp_path / "COCO2014" / name)
    np.random.set_state(state)
    assert len(dataset) == 1000
    first = dataset.episodes[0]
    assert first.label_map == tmp_path / "COCO2014/annotations/val2014" / f"{first.image.stem}.png"
    picture(first.image, np.zeros((2, 2, 3)))
    picture(first.label_map, [[first.class_id, first.class_id + 1], [0, 255]])
    assert dataset[0][1].tolist() == [[0, 1], [0, 0]]


def test_coco_training_has_an_episode_an_image(tmp_path):
    images = {c: [f"train2014/{c % 7}_{n}.jpg" for n in range(3)] for c in range(80) if c % 4}
    write(tmp_path / "splits/coco/trn/fold0.pkl", pickle.dumps(images))
    dataset = fewshot.coco20i(tmp_path, tmp_path / "splits", 0, "training", seed=3)
    assert len(dataset) == 21
    assert not {episode.class_id for episode in dataset.episodes} & set(fewshot.coco_classes(0, "test"))


def test_fss(tmp_path):
    names = labels.parse("fss1000").names[760:]
    write(tmp_path / "splits/fss/test.txt", "\n".join(reversed(names)) + "\n")
    for name in names:
        for number in (1, 2, 10):
            write(tmp_path / "FSS-1000" / name / f"{number}.jpg", "")
    dataset = fewshot.fss1000(tmp_path, tmp_path / "splits")
    assert len(dataset) == 720 and dataset.class_ids == tuple(range(760, 1000))
    assert [dataset.episodes[index].class_id for index in (0, 2, 3, 719)] == [760, 760, 761, 999]
    assert [episode.image.stem for episode in dataset.episodes[:3]] == ["1", "10", "2"]
    picture(dataset.episodes[0].image, np.zeros((1, 3, 3)))
    picture(
        dataset.episodes[0].label_map, [[[127] * 3, [128] * 3, [255] * 3]]
    )  # masks of colour are there too
    assert dataset[0][1].tolist() == [[0, 1, 1]]
    write(tmp_path / "splits/fss/test.txt", "\n".join(names[1:]))
    with pytest.raises(UserError, match="names other classes than the list fss1000"):
        fewshot.fss1000(tmp_path, tmp_path / "splits")


class Harmful:
    def __reduce__(self):
        return print, ("harm",)


def test_errors(tmp_path, capsys):
    with pytest.raises(UserError, match="fold 4 does not exist: give 0 to 3"):
        fewshot.pascal_classes(4, "test")
    with pytest.raises(UserError, match="unknown split 'val'"):
        fewshot.coco_classes(0, "val")
    with pytest.raises(UserError, match=r"split file '.*fold0.txt': no such file"):
        fewshot.pascal5i(tmp_path, tmp_path, 0)
    write(tmp_path / "pascal/val/fold0.txt", "a__01\nb__07\n")
    with pytest.raises(
        UserError, match="line 2 is 'b__07'; it must be image__class, the class one of 1, 2, 3"
    ):
        fewshot.pascal5i(tmp_path, tmp_path, 0)
    write(tmp_path / "pascal/val/fold0.txt", "")
    with pytest.raises(UserError, match="is empty"):
        fewshot.pascal5i(tmp_path, tmp_path, 0)
    with pytest.raises(UserError, match=r"fold0.pkl' cannot be read"):
        fewshot.coco20i(tmp_path, tmp_path, 0)
    for content in (b"nonsense", pickle.dumps({0: ["a"]}), pickle.dumps(Harmful())):
        write(tmp_path / "coco/val/fold0.pkl", content)
        with pytest.raises(UserError, match="is no table of images by class"):
            fewshot.coco20i(tmp_path, tmp_path, 0)
    assert "harm" not in capsys.readouterr().out
    write(tmp_path / "coco/val/fold0.pkl", pickle.dumps({c: [] for c in range(80)}))
    with pytest.raises(UserError, match="has no image of class 0"):
        fewshot.coco20i(tmp_path, tmp_path, 0)
