"""The dilated ResNet against PyTorch written with the names of OpenMMLab's and torchvision's files."""

import mindspore as ms
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from convert import Entry
from convert.tables import resnet as tables
from ms_ovs import create_model
from tests.tiny import WORDLESS


def norm(x, state, name):
    parts = (state[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *parts, eps=1e-5)


def block(x, state, name, stride, dilation):
    y = F.relu(norm(F.conv2d(x, state[f"{name}.conv1.weight"]), state, f"{name}.bn1"))
    y = F.conv2d(y, state[f"{name}.conv2.weight"], stride=stride, padding=dilation, dilation=dilation)
    y = norm(
        F.conv2d(F.relu(norm(y, state, f"{name}.bn2")), state[f"{name}.conv3.weight"]), state, f"{name}.bn3"
    )
    if f"{name}.downsample.0.weight" in state:
        x = F.conv2d(x, state[f"{name}.downsample.0.weight"], stride=stride)
        x = norm(x, state, f"{name}.downsample.1")
    return F.relu(x + y)


def stages(image, state):
    if "conv1.weight" in state:
        x = F.relu(norm(F.conv2d(image, state["conv1.weight"], stride=2, padding=3), state, "bn1"))
    else:
        x = image
        for place, stride in ((0, 2), (3, 1), (6, 1)):
            x = F.conv2d(x, state[f"stem.{place}.weight"], stride=stride, padding=1)
            x = F.relu(norm(x, state, f"stem.{place + 1}"))
    x = F.max_pool2d(x, 3, 2, 1)
    # blocks 1, 1, 2, 2; the first of a dilated stage has half of its dilation
    for stage, (stride, dilations) in enumerate(((1, (1,)), (2, (1,)), (1, (1, 2)), (1, (2, 4))), start=1):
        for k, dilation in enumerate(dilations):
            x = block(x, state, f"layer{stage}.{k}", stride if k == 0 else 1, dilation)
        yield x


@pytest.mark.parametrize(
    ("name", "table"), [("resnet_v1c", tables.OPENMMLAB), ("resnet", tables.TORCHVISION)]
)
def test_stages(mode, name, table):
    system, variant, options, shape = WORDLESS[name]
    model = create_model(system, variant=variant, seed=1, **options)
    rng, state = np.random.default_rng(0), {}
    for ours, parameter in model.parameters_and_names():
        if parameter.ndim == 1:
            draw = np.abs(rng.standard_normal(parameter.shape)) + 0.5
            parameter.set_data(ms.Tensor(draw.astype(np.float32)))
        (step,) = table.turned.plan([ours]).steps
        (entry,) = step.rule.hook.apply([Entry.of(parameter.asnumpy())], 1)
        state[step.targets[0]] = torch.from_numpy(np.array(entry.read()))
    image = rng.standard_normal(shape).astype(np.float32)
    for ours, theirs in zip(model(ms.Tensor(image)), stages(torch.from_numpy(image), state), strict=True):
        scale = float(theirs.abs().max())
        np.testing.assert_allclose(ours.asnumpy(), theirs, rtol=1e-4, atol=1e-5 * scale)
