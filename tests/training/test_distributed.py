"""Two processes with half of the batch each learn what one learns from all of it.

Started by `msrun`, this file is one of the processes.
"""

import csv
import sys
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, value_and_grad
from PIL import Image

from ms_ovs import runtime
from ms_ovs.losses.contrastive import ContrastiveLoss
from tests.modes import uncompiled
from tests.training.processes import two
from tests.training.runs import (  # noqa: F401
    MIT,
    STUDENT,
    clip_config,
    few_shapes,
    lseg_config,
    saved,
    student_config,
    tiny_clip,
)


def work(config: str, folder: str) -> None:
    """Train in one process: leaves its first scores, its weights, and what the loop writes."""
    from ms_ovs.config import load
    from ms_ovs.distributed import join
    from ms_ovs.training.loop import Trainer, train
    from ms_ovs.training.tasks import schema_of

    settings = load(config, schema_of)
    runtime.setup("CPU", settings.mode)
    world = join()
    out = Path(folder, f"of{world.ranks}", f"rank{world.rank}")
    out.parent.mkdir(parents=True, exist_ok=True)
    trainers = []

    class Noted(Trainer):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            self.task.network.set_train(False)
            first = self.task.validate().scores
            self.task.objective.set_train(True)
            np.save(out.with_suffix(".npy"), [first[name] for name in self.task.scores])
            trainers.append(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ms_ovs.training.loop.Trainer", Noted)
        # a folder for each process, so that it is seen who writes
        train(settings.model_copy(update={"out": str(out)}), world)
    (trainer,) = trainers
    parameters = dict(trainer.task.network.parameters_and_names()) | trainer.engine.states
    np.savez(out.with_suffix(".npz"), **{name: parameter.asnumpy() for name, parameter in parameters.items()})


@pytest.fixture
def configs(few_shapes, tiny_clip, tmp_path):  # noqa: F811
    """The path of a config of a kind. Every pixel has a label, so that means of means are the mean."""
    for split in ("training", "validation"):
        for path in (few_shapes / "annotations" / split).glob("*.png"):
            copy = tmp_path / "annotations" / split / path.name
            copy.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.maximum(np.array(Image.open(path)), 1)).save(copy)
    shapes = {
        split: {
            "folder": {
                "image_dir": str(few_shapes / "images" / split), "image_suffix": ".jpg",
                "label_dir": str(tmp_path / "annotations" / split), "label_suffix": ".png",
                "labels": str(few_shapes / "labels.txt"), "offset": 1, "ignore": [0],
            }
        }
        for split in ("training", "validation")
    }  # fmt: skip
    data = {"train": shapes["training"], "validation": shapes["validation"]}
    data |= {"base_size": 32, "crop_size": 32, "smallest": 1.0}

    def configs(kind, batch_size, **changes):
        changes = {"batch_size": batch_size, "log_every": 1, **changes}
        if kind == "clip":
            values = clip_config(few_shapes, tmp_path / "run", **changes)
        elif kind == "maskclip_plus":
            values = student_config(few_shapes, tiny_clip, tmp_path / "run", **changes)
        else:
            optimizer = {"name": "sgd", "lr": 0.003, "weight_decay": 1e-4}
            changes = {"data": data, "optimizer": optimizer, **changes}
            values = lseg_config(few_shapes, tiny_clip, tmp_path / "run", **changes)
        return str(saved(values, tmp_path / f"{kind}{batch_size}.yaml"))

    return configs


def compare(configs, kind, folder, **changes):
    """Train both ways and hold them together."""
    work(configs(kind, 4, **changes), str(folder))
    two(Path(__file__), configs(kind, 2, **changes), folder, logs=folder)
    one, main, other = (folder / "of1/rank0", folder / "of2/rank0", folder / "of2/rank1")
    # the main process alone writes
    assert main.is_dir() and not other.exists()
    assert len(list((main / "tensorboard").iterdir())) == 1
    assert sorted(path.name for path in main.iterdir()) == sorted(path.name for path in one.iterdir())
    rows, peers = ([*csv.DictReader((path / "steps.csv").open())] for path in (main, one))
    assert len(rows) == len(peers) >= 2
    for name, tolerance in (("loss", 1e-4), ("grad_norm", 1e-3), ("lr", 1e-6), ("epoch", 1e-6)):
        ours, theirs = ([float(row[name]) for row in table] for table in (rows, peers))
        assert ours == pytest.approx(theirs, rel=tolerance), name
    # what nothing has been learnt for yet is the same to the last pixel
    first, *others = (np.load(path.with_suffix(".npy")) for path in (one, main, other))
    assert first.any() and all(np.array_equal(first, scores) for scores in others)
    alone, *both = (np.load(path.with_suffix(".npz")) for path in (one, main, other))
    assert sorted(alone.files) == sorted(both[0].files) == sorted(both[1].files)
    for name in alone.files:
        assert both[0][name].tobytes() == both[1][name].tobytes(), name
    return alone, both[0]


def hold_statistics(alone, ours):
    """Running means and variances are those of one process."""
    statistics = [name for name in alone.files if ".moving_" in name]
    assert statistics
    for name in statistics:
        scale = np.abs(alone[name]).max()
        np.testing.assert_allclose(ours[name], alone[name], atol=1e-3 * scale, err_msg=name)
    assert any(np.abs(alone[name]).max() > 0.05 for name in statistics if name.endswith("moving_mean"))


def test_the_loss_over_processes_is_right_at_every_step():
    # what one compiled cell gives batch after batch is what a new one gives
    runtime.setup("CPU", "graph")

    def differentiated():
        loss = ContrastiveLoss(rank=1, ranks=2)
        loss.sum = nn.Identity()  # as if the other process had nothing but zeros
        return value_and_grad(loss, (0, 1))

    kept, rng = differentiated(), np.random.default_rng(0)
    for _ in range(3):
        inputs = [Tensor(rng.standard_normal((2, 4)).astype(np.float32)) for _ in range(2)]
        inputs.append(Tensor(2.0, ms.float32))
        ours, gradients = kept(*inputs)
        with uncompiled():
            theirs, expected = differentiated()(*inputs)
        assert float(ours) == pytest.approx(float(theirs), rel=1e-6)
        for mine, peer in zip(gradients, expected, strict=True):
            np.testing.assert_allclose(mine.asnumpy(), peer.asnumpy(), atol=1e-6)


@pytest.mark.slow
def test_two_train_as_one(configs, tmp_path):
    # a CLIP of a ResNet has it all: loss and statistics over both processes
    options = {
        "embed_dim": 16, "image_resolution": 32, "vision_patch_size": None, "vision_width": 8,
        "vision_layers": [1, 1, 1, 1], "text_width": 64, "text_heads": 1, "text_layers": 1,
    }  # fmt: skip
    alone, ours = compare(
        configs, "clip", tmp_path, steps=2, mode="pynative",
        model={"variant": "RN50", "options": options}, optimizer={"name": "sgd", "lr": 0.01},
    )  # fmt: skip
    hold_statistics(alone, ours)


@pytest.mark.slow
@pytest.mark.long
def test_two_train_clip_as_one(configs, tmp_path):
    compare(configs, "clip", tmp_path)


@pytest.mark.slow
def test_two_train_lseg_as_one(configs, tmp_path):
    alone, ours = compare(configs, "lseg", tmp_path, steps=3)
    hold_statistics(alone, ours)
    for name in alone.files:
        # ReLUs that rounding tips over move single numbers
        assert np.linalg.norm(ours[name] - alone[name]) <= 2e-2 * np.linalg.norm(alone[name]) + 1e-6, name


@pytest.mark.slow
def test_two_train_a_student_as_one(configs, tiny_clip, tmp_path):  # noqa: F811
    # the loss is the mean over all pixels, so that of two halves is the whole; draws of a process are its own
    options = {**STUDENT["options"], "backbone": {**MIT, "drop_path": 0.0}}
    alone, ours = compare(
        configs, "maskclip_plus", tmp_path, steps=3,
        model={"variant": "custom", "options": options, "teacher": str(tiny_clip)},
        optimizer={"name": "sgd", "lr": 0.01},
    )  # fmt: skip
    hold_statistics(alone, ours)


if __name__ == "__main__":
    work(*sys.argv[1:])
