"""Every operation of every compiled network documents Ascend, GPU and CPU.

This holds the graphs against the "Supported Platforms" line of each operation's documentation: a
documented claim, not a run on those devices. The kernels that are the CPU's alone are left out for it.
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
from ms_ovs.models.lseg.heads import HeadBlock
from ms_ovs.nn import kernels
from tests.modes import graphs
from tests.tiny import MASKCLIP, TINY, WORDLESS

PLATFORMS = {"Ascend", "GPU", "CPU"}
# The structure of a graph rather than a kernel
PLUMBING = {"Constant", "Depend", "Load", "MakeTuple", "TupleGetItem", "UpdateState"}
# Primitives without a page of their own, and the documented function that becomes them (reviewed)
FUNCTIONS = {"Concat": "cat", "MatMulExt": "matmul", "Muls": "mul", "SumExt": "sum"}
WORDED = TINY | MASKCLIP
# networks all of whose operations are among those of the others and of the blocks below
CONTAINED = {
    *("lseg_vit", "lseg_vit_b32", "lseg_patch8", "lseg_bottleneck", "lseg_depthwise"),
    *("maskclip_vit", "maskclip_resnet", "mit", "resnet_v1c", "resnet"),
}
BLOCKS = {
    "lseg_bottleneck": HeadBlock(arch_option=1, depth=2, activation="tanh"),
    "lseg_depthwise": HeadBlock(arch_option=2, depth=3, activation="lrelu"),
}


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


@pytest.fixture(autouse=True)
def no_kernels_of_our_own(monkeypatch):
    monkeypatch.setattr(kernels, "LIBRARY", kernels.LIBRARY.with_name("not_built"))


@graphs(WORDED, seldom=CONTAINED)
def test_operations_name_all_platforms(name, tmp_path):
    runtime.setup("CPU", "graph")
    system, variant, options, shape = WORDED[name]
    model = create_model(system, variant=variant, **options)
    image = ms.Tensor(np.zeros(shape, np.float32))
    found = primitives(model, image, ms.Tensor(np.ones((3, 24), np.float32)), path=tmp_path / "image")
    assert len(found) > 10
    wrong = {op: documented(op) for op in found - PLUMBING if documented(op) != PLATFORMS}
    assert wrong == {}


@pytest.mark.parametrize("name", BLOCKS)
def test_operations_of_blocks_on_scores_name_all_platforms(name, tmp_path):
    runtime.setup("CPU", "graph")
    scores = ms.Tensor(np.zeros((1, 3, 4, 4), np.float32))
    found = primitives(BLOCKS[name], scores, path=tmp_path / "block") - PLUMBING
    wrong = {op: documented(op) for op in found if documented(op) != PLATFORMS}
    assert len(found) > 2 and wrong == {}


# every network has the same tower for words
@graphs(WORDED, seldom=set(WORDED) - {"clip_vit"})
def test_operations_on_words_name_all_platforms(name, tmp_path):
    runtime.setup("CPU", "graph")
    system, variant, options, _ = WORDED[name]
    model = create_model(system, variant=variant, **options)
    found = primitives(model.text, ms.Tensor(np.ones((3, 8), np.int32)), path=tmp_path / "text") - PLUMBING
    wrong = {op: documented(op) for op in found if documented(op) != PLATFORMS}
    assert len(found) > 10 and wrong == {}


@graphs(WORDLESS, seldom=CONTAINED)
def test_operations_on_images_alone_name_all_platforms(name, tmp_path):
    runtime.setup("CPU", "graph")
    system, variant, options, shape = WORDLESS[name]
    model = create_model(system, variant=variant, **options)
    found = primitives(model, ms.Tensor(np.zeros(shape, np.float32)), path=tmp_path / "image") - PLUMBING
    wrong = {op: documented(op) for op in found if documented(op) != PLATFORMS}
    assert len(found) > 4 and wrong == {}


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
