"""MaskCLIP+ as a task: its words, its labels, its stages, and the weights that it starts from."""

import numpy as np
import pytest
from mindspore import Tensor

from convert import Entry, read, safetensors
from ms_ovs import config, create_model
from ms_ovs.data import shapes
from ms_ovs.data.hidden import HIDDEN
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.models import saving
from ms_ovs.models.checkpoint import load_model
from ms_ovs.training import keeping, tasks
from ms_ovs.training.loop import train
from ms_ovs.training.tasks import maskclip_plus, schema_of
from ms_ovs.vocab.labels import parse
from tests.training.runs import (  # noqa: F401
    CLIP,
    MIT,
    STUDENT,
    STUDENT_GROUPS,
    few_shapes,
    saved,
    student_config,
    tiny_clip,
)


@pytest.fixture
def read_config(few_shapes, tiny_clip, tmp_path):  # noqa: F811
    """Settings of a small training of two steps, with overrides; all words of the benchmark."""

    def read_config(*overrides, data_changes=None, **changes):
        changes = {"mode": "pynative", "data": data_changes, **changes}
        values = student_config(few_shapes, tiny_clip, tmp_path / "run", **changes)
        return config.load(saved(values, tmp_path / "config.yaml"), schema_of, overrides)

    return read_config


def built(settings):
    return tasks.build(settings, World())


def test_a_run_from_a_clip_to_a_checkpoint(read_config, few_shapes, tiny_clip):  # noqa: F811
    outcome = train(read_config("completion.pd_thresh=0.1", "completion.ks_thresh=1.0"), World())
    assert outcome.finished
    assert set(outcome.scores) == {*maskclip_plus.SCORES, *maskclip_plus.ZERO_SHOT_SCORES}
    network, found = load_model(outcome.folder / keeping.LAST)
    assert (found.system, found.variant) == ("maskclip_plus", "custom")
    names = shapes.NAMES
    assert network.config.classes == len(names) and network.config.teacher.vision_layers == 1
    # the words of the teacher's text tower, and its image tower, unchanged
    clip = read(tiny_clip).tensors
    for name, parameter in network.teacher.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), clip[name].numbers())
    assert np.linalg.norm(network.text_embeddings.asnumpy(), axis=1).min() > 0


def test_the_loop_tells_of_forwards_and_of_resuming(read_config, monkeypatch, tmp_path):
    made = []

    class Watched(maskclip_plus.Stages):
        def __init__(self, settings):
            super().__init__(settings)
            made.append(self)

    monkeypatch.setattr(maskclip_plus, "Stages", Watched)
    changes = {"steps": 3, "accumulate": 2, "stages": {"count": "steps"}}
    first = train(read_config("stop_after=2", **changes), World())
    assert first.step == 2 and made[-1].counter == 4  # passes; the validation does not count
    assert train(read_config(**changes), World(), resume=True).step == 3
    assert made[-1].counter == 6
    again = train(read_config("stages.count=forwards", f"out={tmp_path / 'other'}", steps=1), World())
    assert again.finished and made[-1].counter == 1 + 4  # a pass, and 4 images of the validation


def test_every_label_is_hidden_and_filled_in(read_config):
    task = built(read_config())
    batch = next(iter(task.loader.epoch(0)))
    assert (batch[1] == HIDDEN).any() and set(np.unique(batch[1])) <= {HIDDEN, -1}
    image, text, target, own = task.inputs(batch)
    assert image.shape == (2, 3, 32, 32) and text.shape == (len(shapes.NAMES), 16) and not bool(own)
    assert target.asnumpy().min() >= 0 and target.asnumpy().max() < len(shapes.NAMES)
    assert np.isfinite(float(task.objective(image, text, target, own)))


def photographs(few_shapes, **changes):  # noqa: F811
    """The scenes of the captions: no pixel of them is labelled."""
    return {"train": {"photographs": {"image_dir": str(few_shapes / "captions")}}, **changes}


def test_photographs_need_no_annotation(read_config, few_shapes):  # noqa: F811
    task = built(read_config(data_changes=photographs(few_shapes, hide_ignored=False)))
    batch = next(iter(task.loader.epoch(0)))
    assert (batch[1] == HIDDEN).any() and set(np.unique(batch[1])) <= {HIDDEN, -1}
    target = task.inputs(batch)[2].asnumpy()
    assert (target[batch[1] == HIDDEN] >= 0).all()
    changes = photographs(few_shapes, validation=None)
    settings = read_config("steps=1", "model.options.background=true", data_changes=changes)
    assert train(settings, World()).finished


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"labels": None}, "photographs have no annotations, labels is None"),
        ({"suppressed": [0]}, r"suppressed \[0\]: give labels, and leave suppressed at"),
        ({"train": {"photographs": {"image_dir": "x"}, "preset": "shapes", "root": "y"}}, "give one of them"),
        ({"train": {}}, "give preset and root, or folder"),
        ({"train": {"photographs": {"image_dir": "nowhere"}}}, "image folder 'nowhere' does not exist"),
    ],
)
def test_photographs_that_do_not_fit(read_config, few_shapes, changes, message):  # noqa: F811
    with pytest.raises(UserError, match=message):
        built(read_config(data_changes=photographs(few_shapes) | changes))


def all_classes(few_shapes):  # noqa: F811
    """The benchmark as a pair of folders with all of its words."""
    return {
        "folder": {
            "image_dir": str(few_shapes / "images/validation"),
            "label_dir": str(few_shapes / "annotations/validation"),
            "labels": str(few_shapes / "labels.txt"),
            "offset": 1,
            "ignore": [0],
        }
    }


def zero_shot(read_config, few_shapes, *overrides, suppressed=("red star", 1)):  # noqa: F811
    changes = {"train": all_classes(few_shapes), "suppressed": list(suppressed), "hide_ignored": False}
    stages = {"guided": [1, 2], "self_training": [3, None]}
    return read_config(*overrides, data_changes=changes, stages=stages)


def test_zero_shot_hides_some_classes_and_changes_its_stage(read_config, few_shapes):  # noqa: F811
    task = built(zero_shot(read_config, few_shapes))
    hidden = {shapes.NAMES.index("red star"), 1}
    batch = next(iter(task.loader.epoch(0)))
    assert not hidden & set(np.unique(batch[1]).tolist())
    batch[1][:, :8] = HIDDEN
    flags = []
    for _ in range(4):
        *_, target, own = task.inputs(batch)
        flags.append(bool(own))
        labels = target.asnumpy()[:, :8]
        assert set(np.unique(labels)) <= ({HIDDEN} if own else hidden)
        task.passed()
    assert flags == [False, False, True, True]
    # a validation of 4 images counts as 4 forwards, and gives the three scores of zero-shot
    counter = task.validate.stages.counter
    found = task.validate()
    assert task.validate.stages.counter == counter + 4
    assert set(found.scores) == {*maskclip_plus.SCORES, *maskclip_plus.ZERO_SHOT_SCORES}
    task.resumed(7)
    assert task.validate.stages.counter == 0


def test_a_suppressed_class_in_an_annotation_stops_the_run(read_config, few_shapes):  # noqa: F811
    task = built(zero_shot(read_config, few_shapes))
    batch = next(iter(task.loader.epoch(0)))
    batch[1][0, 0, 0] = 1
    with pytest.raises(UserError, match="class 1 is suppressed and occurs in an annotation"):
        task.inputs(batch)


def test_distillation_takes_features_for_labels(read_config):
    settings = read_config(distill={"detached": False})
    task = built(settings)
    inputs = task.inputs(next(iter(task.loader.epoch(0))))
    assert inputs[3].shape[:2] == (2, 16) and (inputs[2].asnumpy() == HIDDEN).any()
    assert float(task.objective(*inputs)) > 0


def test_class_weights_are_those_of_whole_photographs(read_config, tiny_clip, few_shapes):  # noqa: F811
    task = built(read_config(class_weight={"clip": str(tiny_clip)}))
    batch = next(iter(task.loader.epoch(0)))
    image, text, target, own, weights = task.inputs(batch)
    weights = weights.asnumpy()
    assert weights.shape == (2, len(shapes.NAMES))
    np.testing.assert_allclose(weights.sum(1), 1, rtol=1e-5)
    again = task.inputs(next(iter(task.loader.epoch(0))))[4].asnumpy()
    np.testing.assert_array_equal(weights, again)
    assert np.ptp(weights) > 0
    plain = float(task.objective(image, text, target, own))
    assert float(task.objective(image, text, target, own, Tensor(weights))) != pytest.approx(plain, rel=1e-6)
    assert task.validate().scores.keys() == set(task.scores)


def test_a_background_is_no_word(read_config, few_shapes, tmp_path):  # noqa: F811
    names = shapes.NAMES
    (tmp_path / "rest.txt").write_text("\n".join(names[1:]))
    overrides = "model.options.background=true", f"data.labels={tmp_path / 'rest.txt'}"
    task = built(zero_shot(read_config, few_shapes, *overrides, suppressed=[3]))
    network = task.network
    assert network.text_embeddings.shape[0] == len(names) - 1 and network.config.channels == len(names)
    batch = next(iter(task.loader.epoch(0)))
    batch[1][:] = HIDDEN
    assert (task.inputs(batch)[2].asnumpy() == 3).all()


def test_a_checkpoint_is_gone_on_from(read_config, tmp_path):
    first = train(read_config("validation=null"), World())
    again = read_config(
        "validation=null", f"model.checkpoint={first.folder / keeping.LAST}", f"out={tmp_path / 'again'}"
    )
    task = built(again)
    before = read(first.folder / keeping.LAST)
    for name, parameter in task.network.parameters_and_names():
        np.testing.assert_allclose(parameter.asnumpy(), before.tensors[name].numbers(), rtol=1e-5, atol=1e-6)
    other = read_config(f"model.checkpoint={first.folder / keeping.LAST}", "model.options.norm_feat=true")
    with pytest.raises(UserError, match="set model.variant and model.options to what the file has"):
        built(other)


def test_a_backbone_of_its_own(read_config, tmp_path):
    wanted = create_model("mit", variant="custom", seed=9, **MIT)
    path = tmp_path / "mit.safetensors"
    entries = {name: Entry.of(array) for name, array in saving.tensors(wanted).items()}
    safetensors.write(path, entries, saving.metadata("lseg", "clip_vitl16_384", {}) | described(wanted))
    network = built(read_config(f"model.backbone={path}")).network
    for name, parameter in network.backbone.parameters_and_names():
        np.testing.assert_array_equal(parameter.asnumpy(), entries[name].numbers())
    deviation = network.head.decode.units[0].conv.weight.asnumpy().std()
    assert deviation == pytest.approx((2 / 16) ** 0.5, rel=0.3)  # of what the 16 channels give out


def test_a_backbone_from_nothing_is_drawn_as_one_alone(read_config):
    network = built(read_config()).network
    for name, parameter in network.backbone.parameters_and_names():
        if name.endswith(("attn.q.weight", "attn.kv.weight", "attn.proj.weight")):
            assert parameter.asnumpy().std() == pytest.approx(0.02, rel=0.25), name
        if name.endswith("dwconv.weight"):
            assert parameter.asnumpy().std() == pytest.approx((2 / 9) ** 0.5, rel=0.25), name


def described(model):
    """The metadata of a converted Mix Transformer."""
    from convert.metadata import describe

    return describe("custom", model.config, naming="nvidia", source_prefix="", source_sha256="", dropped=[])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.teacher=missing.safetensors"], "missing.safetensors"),
        (["model.options.classes=3"], "model.options.classes is 3, there are 34 words: leave it out"),
        (["data.labels=a, b", "data.suppressed=[0]"], "data.labels has 2 classes, the data set 28"),
        (["data.labels=a, b"], "data.validation has 34 classes, the network 2"),
    ],
)
def test_configs_that_do_not_fit(read_config, overrides, message):
    with pytest.raises(UserError, match=message):
        built(read_config(*overrides))


def test_stages_that_overlap_are_told_at_once(read_config):
    with pytest.raises(UserError, match="the ranges overlap"):
        read_config("stages.self_training=[5, null]")


def test_numbers_beyond_the_classes():
    words = parse("a, b, c")
    assert maskclip_plus.suppressed(words.names, ["c", 0]) == [2, 0]
    assert maskclip_plus.suppressed(words.names, "all") == [0, 1, 2]
    with pytest.raises(UserError, match="unknown class in data.suppressed 'd'"):
        maskclip_plus.suppressed(words.names, ["d"])
    with pytest.raises(UserError, match="names class 3; classes go from 0 to 2"):
        maskclip_plus.suppressed(words.names, [3])


def test_the_teacher_needs_words(read_config, tmp_path):
    student = create_model(
        "maskclip_plus", variant="vit_b16_segformer_b0", seed=0, backbone=MIT, classes=2,
        teacher={**{k: CLIP[k] for k in ("embed_dim", "image_resolution", "vision_layers", "vision_width",
                                         "vision_patch_size")}, "vision_heads": 1},
    )  # fmt: skip
    path = tmp_path / "student.safetensors"
    options = {"backbone": MIT, "classes": 2, "teacher": vars(student.config.teacher)}
    entries = {name: Entry.of(array) for name, array in saving.tensors(student).items()}
    safetensors.write(path, entries, saving.metadata("maskclip_plus", "vit_b16_segformer_b0", options))
    with pytest.raises(
        UserError, match="is a checkpoint of 'maskclip_plus', here one of 'clip' or 'maskclip'"
    ):
        built(read_config(f"model.teacher={path}"))
