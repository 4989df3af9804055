"""LSeg as a task: its scores, its words, and the weights that it starts from."""

from pathlib import Path

import numpy as np
import pytest
from mindspore import Tensor

from convert import Entry, read, safetensors
from ms_ovs import config, create_model
from ms_ovs.data import shapes
from ms_ovs.data.transforms import HALF, CentreCrop
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.models import saving
from ms_ovs.models.lseg.model import LSeg
from ms_ovs.training import keeping, tasks
from ms_ovs.training.loop import train
from ms_ovs.training.tasks import lseg, schema_of
from ms_ovs.vocab.labels import parse
from ms_ovs.vocab.tokenizer import Tokenizer
from tests.training.runs import LSEG, few_shapes, lseg_config, saved, tiny_clip  # noqa: F401


@pytest.fixture
def read_config(few_shapes, tiny_clip, tmp_path):  # noqa: F811
    """Settings of a small training, with changes and overrides."""

    def read_config(*overrides, **changes):
        values = lseg_config(few_shapes, tiny_clip, tmp_path / "run", mode="pynative", **changes)
        return config.load(saved(values, tmp_path / "config.yaml"), schema_of, overrides)

    return read_config


@pytest.fixture
def encoded(monkeypatch):
    """Tokens of every call of the text tower."""
    calls = []
    encode = LSeg.encode_text
    monkeypatch.setattr(LSeg, "encode_text", lambda net, tokens: calls.append(tokens) or encode(net, tokens))
    return calls


def confusion(predictions, targets, count):
    """int64 (C,C), truth in rows, counted pixel by pixel."""
    table = np.zeros((count, count), np.int64)
    for prediction, target in zip(predictions, targets, strict=True):
        for truth, found in zip(target.ravel(), prediction.ravel(), strict=True):
            if truth >= 0:
                table[truth, found] += 1
    return table


def test_scores_are_those_of_the_predictions(read_config, few_shapes):  # noqa: F811
    # four scenes in batches of three: the second is filled up by two that must not count
    task = tasks.build(read_config("validation.batch_size=3"), World())
    found = task.validate()
    data, known = task.validate.dataset, shapes.describe(few_shapes)
    crop, text = CentreCrop(32, HALF, HALF), Tensor(task.validate.text)
    pairs = [crop(*data[index]) for index in range(len(data))]
    assert len(pairs) == 4
    predictions = [task.network(Tensor(image[None]), text).asnumpy()[0].argmax(0) for image, _ in pairs]
    table = confusion(predictions, [target for _, target in pairs], len(known.names))
    right, union = table.diagonal(), table.sum(0) + table.sum(1) - table.diagonal()
    iou = right / np.maximum(union, 1)
    met = union > 0

    def over(classes):
        present = [number for number in classes if met[number]]
        return iou[present].mean() if present else 0.0

    expected = {
        "pixel_accuracy": right.sum() / table.sum(),
        "miou": iou.mean(),
        "seen_miou": over(known.seen),
        "unseen_miou": over(known.unseen),
    }
    assert table.sum() > 1000 and dict(found.scores) == pytest.approx(expected, rel=1e-9)
    assert tuple(found.scores) == task.scores
    assert found.picture.width > 64  # two scenes, as validation.pictures says


def test_shares_of_two_processes_are_the_whole(read_config):
    settings = read_config()
    whole = tasks.build(settings, World()).validate.loader
    halves = [tasks.build(settings, World(rank, 2)).validate.loader for rank in (0, 1)]
    images = [[image for batch, *_ in loader.epoch(0) for image in batch] for loader in (whole, *halves)]
    assert [len(part) for part in images] == [4, 2, 2]
    for index, image in enumerate(images[0]):
        np.testing.assert_array_equal(image, images[1 + index % 2][index // 2])


def test_words_are_encoded_once_and_stay(read_config, encoded, tiny_clip, tmp_path):  # noqa: F811
    settings = read_config(steps=2, validation={"every": 1, "batch_size": 4, "best": "miou"})
    task = tasks.build(settings, World())
    once = len(encoded)
    rows = sum(len(tokens) for tokens in encoded)
    encoded.clear()
    assert once and rows <= 2 * 64  # those to learn and those to validate, in few batches that are filled up
    before = Tensor(task.inputs(next(iter(task.loader.epoch(0))))[1]).asnumpy()
    assert not encoded
    outcome = train(settings, World())
    assert outcome.finished and len(encoded) == once  # the same again, however many steps and validations
    tensors = read(outcome.folder / keeping.LAST).tensors
    clip = read(tiny_clip).tensors
    words = [name for name in tensors if name.startswith("text.")]
    assert words
    for name in words:
        np.testing.assert_array_equal(tensors[name].numbers(), clip[name].numbers())
    fresh, _, _ = lseg.first_network(settings.model, settings.seed)
    moved = {
        name
        for name, p in fresh.parameters_and_names()
        if not np.array_equal(p.asnumpy(), tensors[name].numbers())
    }
    assert moved and all(not name.startswith("text.") for name in moved)
    assert before.shape == (28, 16)


def test_renamed_labels_are_the_words(read_config, encoded, few_shapes, tmp_path):  # noqa: F811
    (tmp_path / "words.txt").write_text("\n".join(words := [f"thing {number}" for number in range(34)]))
    parts = {}
    for part, split in (("train", "training"), ("validation", "validation")):
        parts[part] = {
            "folder": {
                "image_dir": str(few_shapes / "images" / split), "image_suffix": ".jpg",
                "label_dir": str(few_shapes / "annotations" / split), "label_suffix": ".png",
                "labels": str(few_shapes / "labels.txt"), "offset": 1, "ignore": [0],
            }
        }  # fmt: skip
    data = {**parts, "base_size": 32, "crop_size": 32}
    task = tasks.build(read_config(data={**data, "labels": str(tmp_path / "words.txt")}), World())
    assert task.scores == lseg.SCORES and task.validate.names == tuple(words)  # nothing is known to be unseen
    batch = next(iter(task.loader.epoch(0)))
    given = task.inputs(batch)[1].asnumpy()
    np.testing.assert_allclose(given, task.network.encode_text(Tokenizer()(words)), atol=1e-5)
    np.testing.assert_array_equal(given, task.validate.text.asnumpy())
    plain = tasks.build(read_config(data=data), World())
    assert plain.validate.names == shapes.NAMES
    assert np.abs(plain.inputs(batch)[1].asnumpy() - given).max() > 1e-3


def test_renaming_needs_a_word_for_each_class():
    three = parse("a, b, c")
    assert lseg.renamed(three, None) is three
    assert lseg.renamed(three, "x, y, z").names == ("x", "y", "z")
    with pytest.raises(UserError, match="data.labels has 2 classes, the data set 3: give one for each"):
        lseg.renamed(three, "x, y")


@pytest.fixture
def checkpoint(tmp_path) -> Path:
    """An LSeg that a converter wrote, with a tensor that it carries along."""
    arrays = saving.tensors(create_model("lseg", variant="clip_vitl16_384", seed=5, **LSEG))
    entries = {name: Entry.of(array) for name, array in arrays.items()}
    entries["carried.net.pretrained.model.head.bias"] = Entry.of(np.arange(7, dtype=np.float32))
    path = tmp_path / "lseg.safetensors"
    safetensors.write(path, entries, saving.metadata("lseg", "clip_vitl16_384", LSEG))
    return path


def test_what_a_checkpoint_carries_is_carried_on(read_config, checkpoint):
    settings = read_config("model.text=null", f"model.checkpoint={checkpoint}", "steps=1", "validation=null")
    network, metadata, _ = lseg.first_network(settings.model, settings.seed)
    assert len(metadata["source_sha256"]) == 64
    start = read(checkpoint).tensors
    for name, parameter in network.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), start[name].numbers())
    outcome = train(settings, World())
    source = read(outcome.folder / keeping.LAST)
    np.testing.assert_array_equal(
        source.tensors["carried.net.pretrained.model.head.bias"].numbers(), np.arange(7)
    )
    assert source.metadata["source_sha256"] == metadata["source_sha256"]
    assert source.tensors.keys() == start.keys()
    weight = "head.weight" if "head.weight" in start else next(n for n in start if n.startswith("decoder."))
    assert not np.array_equal(source.tensors[weight].numbers(), start[weight].numbers())


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("model.options.features=16", "'features': 8.*'features': 16.*: set model.variant and model.options"),
        ("model.options.arch_option=1", "is of clip_vitl16_384 .*says clip_vitl16_384 .*'arch_option': 1"),
    ],
)
def test_a_checkpoint_of_another_network_is_refused(read_config, checkpoint, override, words):
    settings = read_config("model.text=null", f"model.checkpoint={checkpoint}", override)
    with pytest.raises(UserError, match=words):
        tasks.build(settings, World())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"preset": "shapes"}, "root None"),
        ({"root": "x"}, "give preset and root, or folder"),
        (
            {
                "preset": "shapes",
                "root": "x",
                "folder": {"image_dir": "i", "label_dir": "l", "labels": "a, b"},
            },
            "folder given",
        ),
        ({"preset": "shape", "root": "x"}, "did you mean 'shapes'"),
    ],
)
def test_a_data_set_is_of_one_kind(read_config, few_shapes, tiny_clip, tmp_path, changes, words):  # noqa: F811
    values = lseg_config(few_shapes, tiny_clip, tmp_path / "run")
    values["data"]["train"] = changes
    with pytest.raises(UserError, match=words):
        tasks.build(config.load(saved(values, tmp_path / "wrong.yaml"), schema_of), World())
