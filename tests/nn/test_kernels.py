"""Cells that have kernels of our own, with and without them, against PyTorch: values and gradients."""

import ctypes
import os
import re
import shutil
from pathlib import Path

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import nn, ops
from torch.nn import functional as F

from ms_ovs.nn.activation import GELU, QuickGELU
from ms_ovs.nn.conv import DepthwiseConv2d, conv2d
from ms_ovs.nn.kernels import LIBRARY, kernel
from ms_ovs.nn.norm import ChannelNorm, LayerNorm
from ms_ovs.nn.softmax import Softmax

FOLDER = LIBRARY.parent
SMALL, ODD, LARGE = (2, 6, 5, 7), (3, 5, 17, 31), (1, 40, 64, 48)  # LARGE is shared by threads


class Gradients(nn.Cell):
    """Of the inputs and parameters of a cell, for a gradient of its result."""

    def __init__(self, cell):
        super().__init__()
        self.cell = cell
        self.weights = ms.ParameterTuple(cell.trainable_params())
        self.gradient = ops.GradOperation(get_all=True, get_by_list=True, sens_param=True)

    def construct(self, x, dout):
        return self.gradient(self.cell, self.weights)(x, dout)


def draw(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32) * 2 + 0.5


def filled(cell):
    for seed, parameter in enumerate(cell.get_parameters(), 1):
        parameter.set_data(ms.Tensor(draw(*parameter.shape, seed=seed)))
    return cell


def quick_gelu(x):
    return x * torch.sigmoid(1.702 * x)


def hold_against(theirs, cell, shape):
    """Values, the gradient of the input and those of the parameters, as `theirs` has them in float64."""
    x, dout = draw(*shape), draw(*shape, seed=99)
    inputs = [x, *(parameter.asnumpy() for parameter in cell.trainable_params())]
    inputs = [torch.from_numpy(value.astype(np.float64)).requires_grad_() for value in inputs]
    y = theirs(*inputs)
    y.backward(torch.from_numpy(dout.astype(np.float64)))
    (dx,), dweights = Gradients(cell)(ms.Tensor(x), ms.Tensor(dout))
    ours = [cell(ms.Tensor(x)), dx, *dweights]
    for mine, reference in zip(ours, [y.detach(), *(value.grad for value in inputs)], strict=True):
        scale = float(reference.abs().max())
        np.testing.assert_allclose(mine.asnumpy(), reference, rtol=0, atol=1e-5 * scale)


@pytest.mark.parametrize("shape", [SMALL, ODD, LARGE, (1,), (3, 70001)])
@pytest.mark.parametrize(("theirs", "cell"), [(F.gelu, GELU), (quick_gelu, QuickGELU)])
def test_activations(mode, kernels, theirs, cell, shape):
    hold_against(theirs, cell(), shape)


@pytest.mark.parametrize("shape", [SMALL, LARGE, (4, 2), (300, 257)])
def test_softmax(mode, kernels, shape):
    hold_against(lambda x: F.softmax(x, -1), Softmax(), shape)


def test_softmax_of_one_number(mode, our_kernels):
    # not for MindSpore's: in pynative mode its gradients of later, wider rows are wrong in this process
    hold_against(lambda x: F.softmax(x, -1), Softmax(), (4, 1))


@pytest.mark.parametrize("shape", [(2, 3, 7), ODD, LARGE, (50, 2049)])
def test_layer_norm(mode, kernels, shape):
    def theirs(x, gamma, beta):
        return F.layer_norm(x, gamma.shape, gamma, beta, 1e-3)

    hold_against(theirs, filled(LayerNorm(shape[-1], epsilon=1e-3)), shape)


@pytest.mark.parametrize("shape", [SMALL, ODD, LARGE])
def test_channel_norm(mode, kernels, shape):
    def theirs(x, gamma, beta):
        return F.layer_norm(x.movedim(1, -1), gamma.shape, gamma, beta, 1e-3).movedim(-1, 1)

    hold_against(theirs, filled(ChannelNorm(shape[1], epsilon=1e-3)), shape)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("dilation", [1, 2, 9])
@pytest.mark.parametrize("shape", [SMALL, ODD, LARGE, (2, 3, 1, 1)])
def test_depthwise(mode, kernels, shape, dilation, bias):
    def theirs(x, weight, bias=None):
        return F.conv2d(x, weight, bias, padding=dilation, dilation=dilation, groups=shape[1])

    channels = shape[1]
    cell = conv2d(channels, channels, 3, padding=dilation, dilation=dilation, groups=channels, bias=bias)
    assert isinstance(cell, DepthwiseConv2d)
    hold_against(theirs, filled(cell), shape)


@pytest.mark.parametrize(
    "cell",
    [GELU, QuickGELU, Softmax, lambda: LayerNorm(3, epsilon=1e-5), lambda: ChannelNorm(4, epsilon=1e-5)],
)
def test_what_is_not_a_number_stays_so(mode, kernels, cell):
    x = draw(1, 4, 3, 3)
    x[0, 1, 1, 1] = np.nan
    (dx,), _ = Gradients(cell := cell())(ms.Tensor(x), ms.Tensor(np.ones_like(x)))
    assert np.isnan(cell(ms.Tensor(x)).asnumpy()[0, 1, 1, 1])
    assert np.isnan(dx.asnumpy()[0, 1, 1, 1])


def test_other_types_are_refused(our_kernels):
    with pytest.raises(RuntimeError):
        kernel("gelu", lambda x: x)(ms.Tensor(np.ones(3, np.float16))).asnumpy()


@pytest.mark.skipif(shutil.which("c++") is None, reason="no C++ compiler")
def test_where_there_is_a_compiler_there_are_kernels():
    assert LIBRARY.exists(), "run: bash scripts/setup.sh"


def test_the_installation_knows_every_source():
    tomllib = pytest.importorskip("tomllib")  # Python 3.11
    root = Path(__file__).parents[2]
    (extension,) = tomllib.loads((root / "pyproject.toml").read_text())["tool"]["setuptools"]["ext-modules"]
    assert {root / name for name in extension["sources"]} == set(FOLDER.glob("*.cc"))
    assert {root / name for name in extension["depends"]} == set(FOLDER.glob("*.h"))


def test_sum_of_squares(mode, our_kernels):
    x = draw(3, 70001)
    ours = kernel("sum_of_squares", lambda x: ())(ms.Tensor(x))
    assert ours.shape == () and float(ours) == pytest.approx((x.astype(np.float64) ** 2).sum(), rel=1e-6)


def call(function, inputs, results):
    """Call a C++ function as MindSpore does, and return its results."""
    results = [np.zeros(shape, np.float32) for shape in results]
    arrays = [*inputs, *results]
    shapes = [(ctypes.c_int64 * array.ndim)(*array.shape) for array in arrays]
    status = getattr(ctypes.CDLL(str(LIBRARY)), function)(
        len(arrays),
        (ctypes.c_void_p * len(arrays))(*[array.ctypes.data for array in arrays]),
        (ctypes.c_int * len(arrays))(*[array.ndim for array in arrays]),
        (ctypes.c_void_p * len(arrays))(*[ctypes.addressof(shape) for shape in shapes]),
        (ctypes.c_char_p * len(arrays))(*[str(array.dtype).encode() for array in arrays]),
        None,
        None,
    )
    assert status == 0
    return results


def test_the_number_of_cores_changes_no_digit(our_kernels):
    x, weight, maps = draw(8, 50, 511), draw(511, seed=1), draw(3, 37, 61, 67, seed=2)
    short = weight[:37]
    one, label = np.full(1, 1e-5, np.float32), np.random.default_rng(3).integers(0, 37, (3, 61, 67), np.int32)
    plane = draw(*label.shape, seed=5)
    dilation, taps = np.ones(1, np.float32), draw(37, 1, 3, 3, seed=4)
    calls = [
        ("gelu", [x], [x.shape]),
        ("gelu_gradient", [x, x], [x.shape]),
        ("quick_gelu", [x], [x.shape]),
        ("quick_gelu_gradient", [x, x], [x.shape]),
        ("softmax_gradient", [x, x], [x.shape]),
        ("sum_of_squares", [x], [()]),
        ("layer_norm", [x, weight, weight, one], [x.shape]),
        ("layer_norm_gradients", [x, weight, one, x], [x.shape, weight.shape, weight.shape]),
        ("channel_norm", [maps, short, short, one], [maps.shape]),
        ("channel_norm_gradients", [maps, short, one, maps], [maps.shape, (37,), (37,)]),
        ("cross_entropy", [maps, label], [label.shape, label.shape]),
        ("cross_entropy_gradient", [maps, label, plane, plane], [maps.shape]),
        ("depthwise", [maps, taps, short, dilation], [maps.shape]),
        ("depthwise_gradients", [maps, taps, dilation, maps], [maps.shape, taps.shape, (37,)]),
    ]
    sources = "".join(source.read_text() for source in FOLDER.glob("*.cc"))
    functions = re.findall(r"(?:KERNEL|ACTIVATION)\((\w+)", sources)
    assert {name for name, _, _ in calls} >= set(functions)
    cores = os.sched_getaffinity(0)
    found = []
    try:
        for some in (cores, {min(cores)}):
            os.sched_setaffinity(0, some)
            found.append([call(*each) for each in calls])
    finally:
        os.sched_setaffinity(0, cores)
    for (name, _, _), many, single in zip(calls, *found, strict=True):
        assert all(a.tobytes() == b.tobytes() for a, b in zip(many, single, strict=True)), name
