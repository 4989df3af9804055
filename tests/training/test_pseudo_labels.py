"""The losses of students."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import nn

from ms_ovs import create_model
from ms_ovs.models.maskclip_plus.completion import IGNORED, UNLABELLED
from ms_ovs.training import engine
from ms_ovs.training.pseudo_labels import DistillationLoss, StudentLoss
from ms_ovs.training.settings import TrainSettings
from tests.modes import uncompiled
from tests.tiny import MASKCLIP_PLUS

OPEN, NO = UNLABELLED, ms.Tensor(False)


def student(name="plus_segformer", **options):
    system, variant, known, shape = MASKCLIP_PLUS[name]
    rng = np.random.default_rng(0)
    network = create_model(system, variant=variant, seed=3, **{**known, **options})
    image, text = (ms.Tensor(rng.standard_normal(size).astype(np.float32)) for size in (shape, (5, 24)))
    target = rng.integers(0, 5, (shape[0], *shape[2:])).astype(np.int32)
    return network, image, text, target


def cross_entropy(network, image, text, labels):
    """By hand: the sum over labelled pixels, over all pixels."""
    with uncompiled():
        scores = network(image, text).asnumpy().astype(np.float64)
    log = scores - scores.max(1, keepdims=True)
    log -= np.log(np.exp(log).sum(1, keepdims=True))
    kept = labels >= 0
    return -(np.take_along_axis(log, np.maximum(labels, 0)[:, None], 1)[:, 0] * kept).sum() / labels.size


def test_ignored_pixels_are_in_the_divisor(mode):
    network, image, text, target = student("plus_deeplabv2")
    target[:, :20] = IGNORED
    target[:, 20:30] = OPEN
    objective = StudentLoss(network, np.array([]))
    loss = objective(image, text, ms.Tensor(target), NO)
    assert float(loss) == pytest.approx(cross_entropy(network, image, text, target), rel=1e-4)
    nothing = np.full_like(target, IGNORED)
    assert float(objective(image, text, ms.Tensor(nothing), NO)) == 0


class Parts(nn.Cell):
    """The parts of the loss, and the scores of the same graph."""

    def __init__(self, objective):
        super().__init__(auto_prefix=False)
        self.objective = objective

    def construct(self, image, text, target, own):
        loss, _, labels = self.objective.parts(image, text, target, own)
        return loss, labels, self.objective.network(image, text)


@pytest.mark.parametrize("name", ["plus_deeplabv2", "plus_deeplabv3plus"])
def test_a_student_completes_labels_by_its_own_scores(mode, name):
    network, image, text, target = student(name)
    target[:, :, 10:] = OPEN
    candidates = np.array([2, 4])
    parts = Parts(StudentLoss(network, candidates))
    loss, labels, scores = parts(image, text, ms.Tensor(target), ms.Tensor(True))
    labels = labels.asnumpy()
    assert set(np.unique(labels[:, :, 10:])) <= set(candidates)
    np.testing.assert_array_equal(labels[:, :, :10], target[:, :, :10])
    # its features are not normalised for this, unless it normalises them itself
    own = scores.asnumpy()[:, candidates]
    np.testing.assert_array_equal(labels[:, :, 10:], candidates[own.argmax(1)][:, :, 10:])
    assert float(loss) == pytest.approx(cross_entropy(network, image, text, labels), rel=1e-4)
    _, labels, _ = parts(image, text, ms.Tensor(target), NO)
    assert (labels.asnumpy()[:, :, 10:] == IGNORED).all()


def test_own_labels_give_no_gradient_back(pynative):
    network, image, text, target = student("plus_deeplabv3plus")
    target[:] = OPEN
    objective = StudentLoss(network.set_train(True), np.array([0, 3]))
    labels = objective.parts(image, text, ms.Tensor(target), ms.Tensor(True))[2]
    parameters = network.trainable_params()
    own = ms.grad(objective, None, parameters)(image, text, ms.Tensor(target), ms.Tensor(True))
    given = ms.grad(objective, None, parameters)(image, text, labels, NO)
    for first, second in zip(own, given, strict=True):
        np.testing.assert_allclose(first.asnumpy(), second.asnumpy(), rtol=1e-4, atol=1e-7)


def gradient(objective, *inputs):
    parameters = objective.network.trainable_params()
    gradients = ms.grad(objective, None, parameters)(*inputs)
    return sum(float(np.abs(one.asnumpy()).max()) for one in gradients)


def test_distillation_by_hand_and_its_detached_features(pynative):
    network, image, text, target = student("plus_deeplabv2", norm_feat=False)
    target[:, :20] = IGNORED
    target[:, 20:] = OPEN
    taught = network.teacher(image)
    size = target.shape[1:]
    apart = [
        ms.ops.interpolate(maps, size, None, "bilinear", False).asnumpy()
        for maps in (network.features(image), taught)
    ]
    expected = np.abs(apart[0] - apart[1])[:, :, 20:].mean()
    cross, distilled = DistillationLoss(network, weight=2.0).parts(image, text, ms.Tensor(target), taught)
    assert float(cross) == 0 and float(distilled) == pytest.approx(2 * expected, rel=1e-4)
    inputs = image, text, ms.Tensor(target), taught
    assert gradient(DistillationLoss(network), *inputs) == 0
    assert gradient(DistillationLoss(network, detached=False), *inputs) > 0
    # pixels with labels take part, unless they are told not to
    target[:, 40:] = 3
    labelled, hidden = (
        float(DistillationLoss(network, labelled=part).parts(image, text, ms.Tensor(target), taught)[1])
        for part in (True, False)
    )
    assert labelled == pytest.approx(expected, rel=1e-4)
    assert hidden == pytest.approx(np.abs(apart[0] - apart[1])[:, :, 20:40].mean(), rel=1e-4)


def test_a_step_leaves_the_teacher_alone(mode):
    network, image, text, target = student("plus_deeplabv2")
    settings = TrainSettings.model_validate(
        {
            "out": "unused",
            "steps": 1,
            "batch_size": 2,
            "optimizer": {"name": "sgd", "lr": 0.1, "weight_decay": 0.1},
            "groups": [
                {"pattern": "teacher.*", "frozen": True},
                {"pattern": "text_embeddings", "frozen": True},
                {"pattern": "*"},
            ],
        }
    )
    before = {name: p.asnumpy().copy() for name, p in network.parameters_and_names()}
    step = engine.build(settings, network, StudentLoss(network, np.array([]))).step
    step(ms.Tensor(0.1), ms.Tensor(True), ms.Tensor(0.0), image, text, ms.Tensor(target), NO)
    changed = {
        name for name, p in network.parameters_and_names() if not np.array_equal(p.asnumpy(), before[name])
    }
    still = set(before) - changed
    assert still == {name for name in before if name.startswith("teacher.") or name == "text_embeddings"}
    assert any("moving_mean" in name for name in changed) and any("moving_mean" in name for name in still)
