"""Every operation of every compiled network documents Ascend, GPU and CPU.

This holds the graphs against the "Supported Platforms" line of each operation's documentation: a
documented claim, not a run on those devices.
"""

import re

import mindspore as ms
import numpy as np
import pytest
from mindspore import ops
from mindspore.train.mind_ir_pb2 import ModelProto

from ms_ovs import create_model, runtime
from ms_ovs.losses.contrastive import ContrastiveLoss
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from tests.tiny import TINY

PLATFORMS = {"Ascend", "GPU", "CPU"}
# The structure of a graph rather than a kernel
PLUMBING = {"Constant", "Depend", "Load", "MakeTuple", "TupleGetItem", "UpdateState"}
# Primitives without a page of their own, and the documented function that becomes them (reviewed)
FUNCTIONS = {"Concat": "cat", "MatMulExt": "matmul", "Muls": "mul", "SumExt": "sum"}
# What cells choose instead on other devices than the CPU
ELSEWHERE = {"LayerNorm"}


def primitives(model, *inputs, path):
    """The names of the operations in the compiled graph."""
    ms.export(model, *inputs, file_name=str(path), file_format="MINDIR")
    proto = ModelProto()
    proto.ParseFromString(path.with_suffix(".mindir").read_bytes())
    graphs = [proto.graph, *proto.functions]
    return {node.op_type.split("::")[-1].split(":")[0] for graph in graphs for node in graph.node}


def documented(name):
    """The platforms that the documentation of the operation, or of its function, lists."""
    function = FUNCTIONS.get(name, re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower())
    for candidate in (name, function, function.replace("_", "")):
        found = re.search(r"Supported Platforms:\s+(.+)", getattr(ops, candidate, object).__doc__ or "")
        if found:
            return set(re.findall(r"Ascend|GPU|CPU", found.group(1)))
    return None


@pytest.mark.parametrize("name", TINY)
def test_operations_name_all_platforms(name, tmp_path):
    runtime.setup("CPU", "graph")
    system, variant, options, shape = TINY[name]
    model = create_model(system, variant=variant, **options)
    image = ms.Tensor(np.zeros(shape, np.float32))
    found = primitives(model, image, ms.Tensor(np.ones((3, 24), np.float32)), path=tmp_path / "image")
    found |= primitives(model.text, ms.Tensor(np.ones((3, 8), np.int32)), path=tmp_path / "text")
    assert len(found) > 10
    named = found - PLUMBING | ELSEWHERE
    wrong = {op: documented(op) for op in named if documented(op) != PLATFORMS}
    assert wrong == {}


@pytest.mark.parametrize(("cell", "shapes"), [
    (PixelCrossEntropy(), ((2, 3, 4, 4), None)),
    (ContrastiveLoss(), ((4, 8), (4, 8), ())),
], ids=["pixels", "contrast"])  # fmt: skip
def test_losses_name_all_platforms(cell, shapes, tmp_path):
    runtime.setup("CPU", "graph")
    target = ms.Tensor(np.zeros((2, 4, 4), np.int32))
    inputs = [target if shape is None else ms.Tensor(np.ones(shape, np.float32)) for shape in shapes]
    found = primitives(cell, *inputs, path=tmp_path / "loss") - PLUMBING
    wrong = {op: documented(op) for op in found if documented(op) != PLATFORMS}
    assert len(found) > 5 and wrong == {}
