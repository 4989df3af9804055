"""Few-shot sets from settings."""

import pytest

from ms_ovs.data import fewshot
from ms_ovs.data.fewshot import FewShotSettings, open_fewshot
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels


def settings(tmp_path, few_shot, fold=None):
    return FewShotSettings(few_shot=few_shot, root=str(tmp_path / "data"), splits=str(tmp_path), fold=fold)


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_pascal_for_test_and_training(tmp_path):
    write(tmp_path / "pascal/val/fold2.txt", "a__11\n")
    for fold in (0, 1, 3):
        write(tmp_path / f"pascal/trn/fold{fold}.txt", f"b__{5 * fold + 1:02}\n")
    test = open_fewshot(settings(tmp_path, "pascal5i", 2))
    assert test.class_ids == fewshot.pascal_classes(2, "test") and len(test) == fewshot.EPISODES
    assert test.episodes[0].image == tmp_path / "data/VOC2012/JPEGImages/a.jpg"
    training = open_fewshot(settings(tmp_path, "pascal5i", 2), split="training")
    assert [episode.class_id for episode in training.episodes] == [0, 5, 15]


def test_fss_has_no_folds(tmp_path):
    names = labels.parse("fss1000").names[760:]
    write(tmp_path / "fss/test.txt", "\n".join(names))
    for name in names:
        write(tmp_path / "data/FSS-1000" / name / "1.jpg", "")
    assert len(open_fewshot(settings(tmp_path, "fss1000"))) == 240
    with pytest.raises(UserError, match="fold 0: fss1000 has no folds"):
        open_fewshot(settings(tmp_path, "fss1000", 0))


@pytest.mark.parametrize(
    ("few_shot", "fold", "rule"),
    [
        ("pascal", 0, "unknown few-shot set 'pascal': did you mean 'pascal5i'"),
        ("coco20i", None, "fold None: coco20i needs a fold: give 0 to 3"),
        ("pascal5i", 4, "fold 4 does not exist"),
        ("coco20i", 1, "fold1.pkl' cannot be read"),
    ],
)
def test_what_cannot_be_opened(tmp_path, few_shot, fold, rule):
    with pytest.raises(UserError, match=rule):
        open_fewshot(settings(tmp_path, few_shot, fold))
