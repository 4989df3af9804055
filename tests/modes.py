"""In which mode what runs: compiling takes a hundred times as long as the numbers of a small network."""

from collections.abc import Callable, Collection, Iterable
from contextlib import contextmanager

import mindspore as ms
import numpy as np
import pytest

from ms_ovs import runtime
from ms_ovs.nn.taps import Taps


@contextmanager
def uncompiled():
    """Pynative mode for a while, then what was set before."""
    before = ms.get_context("mode")
    ms.set_context(mode=ms.PYNATIVE_MODE)
    try:
        yield
    finally:
        ms.set_context(mode=before)


def graphs(names: Iterable[str], *, seldom: Collection[str]):
    """Parametrise `name`; what is compiled `seldom` is so with `slow` alone."""
    return pytest.mark.parametrize("name", [_graph(name, seldom=seldom) for name in names])


def both(names: Iterable[str], *, seldom: Collection[str]):
    """Parametrise `mode` and `name`; some are compiled `seldom`."""
    pairs = [_graph("graph", name, seldom=seldom) for name in names]
    pairs += [("pynative", name) for name in names]
    return pytest.mark.parametrize(("mode", "name"), pairs, indirect=["mode"])


def _graph(*values, seldom):
    return pytest.param(*values, marks=[pytest.mark.slow] if values[-1] in seldom else [])


def tapped_in_both(build: Callable, *, atol: float):
    """Hold the taps of a network of `build` in pynative mode against those as a graph.

    Returns the network, its image and words, and its taps by name, as a graph.
    """
    taps = []
    for mode in ("pynative", "graph"):
        runtime.setup("CPU", mode)
        model, image, text = build()
        named = Taps(model).named(image, text)
        assert list(named) == list(model.TAPS)
        taps.append([tap.asnumpy() for tap in named.values()])
    for first, second in zip(*taps, strict=True):
        assert np.isfinite(second).all()
        np.testing.assert_allclose(first, second, rtol=1e-4, atol=atol)
    return model, image, text, named
