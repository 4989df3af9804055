"""Execution modes, and a segmentation model small enough to foresee: it knows four colours by name."""

import contextlib
import ctypes
import fcntl
import gc
import re
import sys
from types import SimpleNamespace

import numpy as np
import pytest

COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "crimson": (1.1, -1, -1)}
END = 9999
NO_KERNELS = "the installation found no C++ compiler"


def tokenize(texts):
    """One id for the colour that a text names, between a start and an end."""
    from ms_ovs.errors import UserError

    rows = np.zeros((len(texts), 77), np.int32)
    for row, text in zip(rows, texts, strict=True):
        if len(text) > 77:
            raise UserError(f"text {text[:9]!r}… is too long")
        words = re.findall(r"\w+", text)
        row[:3] = 1, 2 + next(number for number, name in enumerate(COLOURS) if name in words), END
    return rows


class ColourModel:
    """Scores (1,C,H,W): the product of pixels (1,3,H,W) and the colours (C,3) that the words name."""

    config = SimpleNamespace(mean=(0.5,) * 3, std=(0.5,) * 3, base_size=52, crop_size=48)

    def __init__(self):
        self.calls, self.encoded, self.compiled = [], 0, []

    def encode_text(self, tokens):
        self.encoded += 1
        table = np.array(list(COLOURS.values()), np.float32)
        return table[tokens[:, 1] - 2]

    def compile(self, image, text):
        self.compiled.append((image.shape, text.shape))

    def __call__(self, image, text):
        import mindspore as ms

        self.calls.append(image.shape)
        return ms.Tensor(np.einsum("bchw,nc->bnhw", image.asnumpy(), text.asnumpy()))


def pytest_collection_finish(session):
    """Save time where nothing is tested by it.

    Outside of graphs operations run one after the other from the first test on, as `runtime.setup` has it for
    pynative mode: on two cores MindSpore's threads wait in busy loops for 25 times as long as they compute.
    And in every compilation MindSpore searches all objects for garbage: those of the modules need no search.
    """
    import mindspore as ms

    ms.runtime.launch_blocking()
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def around_a_full_size_network(request, tmp_path_factory):
    with contextlib.ExitStack() as stack:
        if request.node.get_closest_marker("large"):
            # the folder above is the same for all processes of a run
            file = stack.enter_context(open(tmp_path_factory.getbasetemp().parent / "large", "w"))
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
        if request.node.get_closest_marker("slow"):
            return_memory()


@pytest.fixture(autouse=True, scope="module")
def after_a_file():
    yield
    return_memory()


def return_memory():
    """Give back what nobody needs: MindSpore keeps compiled graphs, and glibc the pages that are freed."""
    if "mindspore" in sys.modules:
        sys.modules["mindspore"].ms_memory_recycle()
        gc.collect()  # cells are in cycles
        ctypes.CDLL("libc.so.6").malloc_trim(0)


@pytest.fixture(autouse=True)
def graph_mode():
    """What a test finds that chooses no mode: commands and segmenters leave behind what they were told."""
    import mindspore as ms

    ms.set_context(mode=ms.GRAPH_MODE)


@pytest.fixture(params=["graph", "pynative"])
def mode(request):
    """Both execution modes, one after the other; graph mode is what remains set."""
    from ms_ovs import runtime

    runtime.setup("CPU", request.param)
    yield request.param
    runtime.setup("CPU", "graph")


@pytest.fixture
def pynative():
    """Nothing is compiled: a graph would take longer than the tests; graph mode is what remains set."""
    from ms_ovs import runtime

    runtime.setup("CPU", "pynative")
    yield
    runtime.setup("CPU", "graph")


@pytest.fixture(params=["ours", "mindspore"])
def kernels(request, monkeypatch):
    """Cells with our own kernels, then those of a machine without a C++ compiler."""
    from ms_ovs.nn import kernels

    if request.param == "mindspore":
        monkeypatch.setattr(kernels, "LIBRARY", kernels.LIBRARY.with_name("not_built"))
    elif not kernels.LIBRARY.exists():
        pytest.skip(NO_KERNELS)
    return request.param


@pytest.fixture
def our_kernels():
    """For a test of our own kernels alone."""
    from ms_ovs.nn import kernels

    if not kernels.LIBRARY.exists():
        pytest.skip(NO_KERNELS)


@pytest.fixture
def colour_model(monkeypatch, tmp_path):
    """The model, in place of what `Segmenter` would load, tokenise with and set up."""
    from ms_ovs import api

    model = ColourModel()
    found = SimpleNamespace(sha256="c0ffee", system="lseg", variant="colours")
    monkeypatch.setattr(api, "load_model", lambda path, system, options: (model, found))
    monkeypatch.setattr(api, "load_config", lambda path, system: model.config)
    monkeypatch.setattr(api, "Tokenizer", lambda merges: tokenize)
    monkeypatch.setattr(api.runtime, "setup", lambda device, mode, fallback: device)
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "cache"))
    return model


@pytest.fixture
def flag():
    """uint8 (60,90,3): a red, a green and a blue stripe, upright, of 1/3, 1/2 and 1/6 of the width."""
    image = np.zeros((60, 90, 3), np.uint8)
    image[:, :30, 0] = image[:, 30:75, 1] = image[:, 75:, 2] = 255
    return image
