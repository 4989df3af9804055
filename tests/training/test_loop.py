"""Whole trainings, small ones: what they leave, how they go on, and how they end when something is wrong."""

import csv
import json
import shutil

import numpy as np
import pytest

from ms_ovs import config
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import load_model
from ms_ovs.training import checkpoints, keeping
from ms_ovs.training.loop import train
from ms_ovs.training.tasks import schema_of
from tests.training.runs import TEXT, clip_config, few_shapes, lseg_config, saved, tiny_clip  # noqa: F401

# sooner compiled than one of a ViT
LSEG_RESNET = {
    "image": [1, 1, 1, 1],
    "text": TEXT,
    "widths": [32, 64, 128, 256],
    "features": 8,
    "base_size": 32,
    "crop_size": 32,
}
HARD = {  # everything that a resumed training must restore
    "accumulate": 2,
    "batch_size": 2,
    "ema_decay": 0.8,
    "precision": {"loss_scale": "dynamic"},
    "checkpoints": {"every": 3, "keep": 2},
    "steps": 6,
    "log_every": 1,
}


def run(values, tmp_path, *overrides, resume=False):
    settings = config.load(saved(values, tmp_path / "config.yaml"), schema_of, overrides)
    return train(settings, World(), resume=resume)


def rows(out, name="steps.csv"):
    with open(out / name) as file:
        return list(csv.DictReader(file))


def weights(path):
    return {name: entry.read() for name, entry in checkpoints.Arrays(path).entries.items()}


def configs(kind, root, clip, out, **changes):
    if kind == "clip":
        return clip_config(root, out, **changes)
    return lseg_config(root, clip, out, **changes)


@pytest.mark.parametrize(
    ("kind", "mode"),
    [
        ("clip", "pynative"),
        pytest.param("clip", "graph", marks=[pytest.mark.slow, pytest.mark.long]),
        pytest.param("lseg", "graph", marks=[pytest.mark.slow, pytest.mark.long]),
    ],
    indirect=["mode"],
)
def test_steps_in_two_runs_are_those_of_one(kind, mode, few_shapes, tiny_clip, tmp_path):  # noqa: F811
    whole, parts = tmp_path / "whole", tmp_path / "parts"
    run(configs(kind, few_shapes, tiny_clip, whole, **HARD), tmp_path)
    first = run(configs(kind, few_shapes, tiny_clip, parts, **HARD), tmp_path, "stop_after=3")
    assert first.step == 3 and len(rows(parts)) == 3
    second = run(configs(kind, few_shapes, tiny_clip, parts, **HARD), tmp_path, resume=True)
    assert second.step == 6 and second.finished
    for name in ("step", "epoch", "loss", "grad_norm", "lr", "scale"):
        assert [row[name] for row in rows(whole)] == [row[name] for row in rows(parts)], name
    one, other = weights(whole / keeping.LAST), weights(parts / keeping.LAST)
    assert one.keys() == other.keys() and all(np.array_equal(one[name], other[name]) for name in one)


def test_what_a_run_leaves(pynative, few_shapes, tiny_clip, tmp_path):  # noqa: F811
    out = tmp_path / "run"
    network = {"variant": "clip_resnet101", "options": LSEG_RESNET, "text": str(tiny_clip)}
    changes = {"model": network, "checkpoints": {"every": 2, "keep": 1}}
    outcome = run(lseg_config(few_shapes, tiny_clip, out, **changes), tmp_path)
    assert outcome.finished and outcome.scores.keys() == {
        "pixel_accuracy",
        "miou",
        "seen_miou",
        "unseen_miou",
    }
    losses = [float(row["loss"]) for row in rows(out)]
    assert len(losses) == 4 and losses[-1] < losses[0]
    assert [float(row["lr"]) for row in rows(out)] == pytest.approx(
        [0.05 * (1 - step / 4) ** 0.9 for step in range(4)], rel=1e-6
    )
    scores = rows(out, "validation.csv")[-1]
    assert scores["step"] == "4" and float(scores["miou"]) == pytest.approx(outcome.scores["miou"])
    assert list((out / "tensorboard").iterdir())
    again = config.load(out / keeping.CONFIG, schema_of)
    assert again.steps == 4 and again.optimizer.lr == 0.05
    assert [path.name for path in (out / "checkpoints").iterdir()] == ["step_00000004"]
    facts = json.loads((out / "checkpoints/step_00000004/state.json").read_text())
    assert facts["step"] == 4 and facts["best"] == pytest.approx(outcome.scores["miou"])
    model, found = load_model(out / keeping.LAST, system="lseg")
    assert found.options["features"] == 8
    assert (out / f"{keeping.LAST}.sha256").read_text().startswith(found.sha256)
    # the tower of the words is what it was
    frozen = weights(tiny_clip)["text.projection"]
    np.testing.assert_array_equal(model.text.projection.asnumpy(), frozen)


def test_a_second_run_does_not_begin_in_the_folder_of_the_first(pynative, few_shapes, tmp_path):  # noqa: F811
    values = clip_config(few_shapes, tmp_path / "run", steps=1, validation=None)
    run(values, tmp_path)
    with pytest.raises(UserError, match=r"holds a training already \(step_00000001\): go on with --resume"):
        run(values, tmp_path)
    with pytest.raises(UserError, match="does not fit the config at image"):
        run(values, tmp_path, "model.options.vision_layers=2", resume=True)


def test_a_loss_that_is_no_number(pynative, few_shapes, tmp_path):  # noqa: F811
    changes = dict(optimizer={"name": "sgd", "lr": 1e38}, schedule={"name": "constant"}, validation=None)
    values = clip_config(few_shapes, tmp_path / "stop", **changes)
    with pytest.raises(UserError, match=r"gradient of step 2 is not finite .*checkpoint is .*step_00000001"):
        run(values, tmp_path)
    assert checkpoints.latest(tmp_path / "stop").path.name == "step_00000001"
    values = clip_config(few_shapes, tmp_path / "skip", on_bad_loss="skip", **changes)
    assert run(values, tmp_path).finished
    assert [row["skipped"] for row in rows(tmp_path / "skip")] == ["0", "1", "2", "3"]


def test_a_damaged_image(pynative, few_shapes, tmp_path):  # noqa: F811
    root = tmp_path / "data"
    shutil.copytree(few_shapes, root)
    (root / "captions/000003.jpg").write_bytes(b"no picture")
    (root / "captions/000004.jpg").unlink()
    with pytest.raises(UserError, match=r"captions/00000[34].jpg"):
        run(clip_config(root, tmp_path / "stop", validation=None), tmp_path)
    values = clip_config(root, tmp_path / "skip", validation=None, on_bad_image="skip")
    assert run(values, tmp_path).finished
    assert rows(tmp_path / "skip")[-1]["unread"] == "2"


def test_a_full_disk(pynative, few_shapes, tmp_path, monkeypatch):  # noqa: F811
    def full(*_, **__):
        raise UserError("checkpoint cannot be written (No space left on device): make room")

    monkeypatch.setattr(checkpoints, "write", full)
    values = clip_config(few_shapes, tmp_path / "stop", validation=None)
    with pytest.raises(UserError, match="No space left"):
        run(values, tmp_path)
    values = clip_config(few_shapes, tmp_path / "skip", validation=None)
    assert run(values, tmp_path, "checkpoints.on_error=skip").finished


def test_mistakes_are_told_before_the_first_step(pynative, few_shapes, tiny_clip, tmp_path):  # noqa: F811
    values = lseg_config(few_shapes, tiny_clip, tmp_path / "run")
    for override, message in (
        ("validation.best=mIoU", "unknown score in validation.best 'mIoU': did you mean 'miou'"),
        ("batch_size=64", "fewer than a batch of 64"),
        ("accumulate=9", "an epoch has 4 batches, a step takes accumulate = 9"),
        ("epochs=3", "give one of them"),
        ("model.checkpoint=x", "give one of them"),
        ("model.options.features=0.5", "features"),
        ("data.labels='a, b'", "data.labels has 2 classes, the data set 28"),
        ("optimizer.momentun=1", "did you mean 'momentum'"),
        ("task=lsek", "did you mean 'lseg'"),
        ("groups.0.pattern=txt", "group 'txt' fits no parameter"),
    ):
        with pytest.raises(UserError, match=message):
            run(values, tmp_path, override)
    assert not (tmp_path / "run").exists()
