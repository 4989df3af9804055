"""Which networks of full size run in which mode: all as graphs, in pynative mode as far as time allows."""

from collections.abc import Collection, Iterable

import pytest


def sizes(names: Iterable[str], pynative: Iterable[str], *, long: Collection[str] = ()):
    """Parametrise `mode` and `name`; the graphs of `long` are left to runs by hand."""
    pairs = [
        pytest.param("graph", name, marks=[pytest.mark.long] if name in long else []) for name in names
    ] + [("pynative", name) for name in pynative]
    return pytest.mark.parametrize(("mode", "name"), pairs, indirect=["mode"])
