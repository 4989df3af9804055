"""Pickles that build values are read; pickles that would run something are not."""

import argparse
import collections
import datetime
import os
import pickle
import struct

import pytest

from convert.unpickle import Global, Placeholder, Unpickler, plain
from ms_ovs.errors import UserError


def load(data, **calls):
    return Unpickler(calls, lambda identity: identity).load(data)


class Runs:
    """Pickles to a call."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


def global_call(module, name):
    """A protocol 4 pickle that calls `module.name` with a file name, by STACK_GLOBAL."""
    words = b"".join(b"\x8c" + bytes([len(word)]) + word.encode() for word in (module, name, "made"))
    return b"\x80\x04" + words[: -(len("made") + 2)] + b"\x93" + words[-(len("made") + 2) :] + b"\x85R."


@pytest.mark.parametrize("protocol", range(6))
def test_plain_values_of_every_protocol(protocol):
    value = {
        "none": None,
        "flags": [True, False],
        "numbers": (0, -1, 255, 65536, -(2**40), 2**100, 1.5, float("inf")),
        "words": ["", "grün", "x" * 300, "🙂"],
        "nested": {"a": {1: ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4))}},
    }
    value["again"] = value["flags"]
    assert load(pickle.dumps(value, protocol)) == value


def test_bytes_and_sets():
    value = [b"ab", {1, 2}, frozenset({3})]
    assert load(pickle.dumps(value, 4)) == value
    assert load(pickle.dumps(bytearray(b"cd"), 5)) == bytearray(b"cd")


@pytest.mark.parametrize("protocol", range(6))
@pytest.mark.parametrize(
    "call",
    [
        (os.system, "touch made"),
        (os.popen, "touch made"),
        (eval, "1"),
        (exec, "1"),
        (getattr, "a", "upper"),
        (__import__, "os"),
        (open, "made", "w"),
        (breakpoint,),
        (pickle.loads, b"N."),
    ],
    ids=lambda call: call[0].__name__,
)
def test_what_runs_things_is_refused_by_name(call, protocol, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for value in (Runs(*call), {"state_dict": [(1, {"x": Runs(*call)})]}):
        with pytest.raises(UserError, match="can run code: refused"):
            load(pickle.dumps(value, protocol))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("nt", "system"),
        ("subprocess", "Popen"),
        ("multiprocessing.util", "spawnv_passfds"),
        ("importlib.machinery", "SourceFileLoader"),
        ("operator", "attrgetter"),
        ("__builtin__", "execfile"),
        ("builtins", "object.__subclasses__"),
        ("torch.serialization", "os.system"),
        ("numpy", "f2py.os.system"),
        ("collections", "OrderedDict.__init__.__globals__"),
        ("runpy", "_run_code"),
        ("torch", "load"),
        ("types", "FunctionType"),
    ],
)
def test_refused_names(module, name):
    with pytest.raises(UserError, match="refused"):
        load(global_call(module, name))
    if "." not in name:
        with pytest.raises(UserError, match="refused"):
            load(f"c{module}\n{name}\n.".encode())
        with pytest.raises(UserError, match="refused"):
            load(f"(i{module}\n{name}\n.".encode())


def test_other_globals_are_names_and_calls_of_them_placeholders():
    made = load(global_call("somewhere.models", "Net"))
    assert isinstance(made, Placeholder) and made.maker == Global("somewhere.models", "Net")
    made = load(pickle.dumps([datetime.date(2021, 9, 1), argparse.Namespace]))
    assert str(made[0]) == "<datetime.date>" and made[1] == Global("argparse", "Namespace")


class Settings(dict):
    """As Lightning's AttributeDict."""


@pytest.mark.parametrize("protocol", range(6))
def test_state_of_unknown_objects_is_kept(protocol):
    value = {
        "space": argparse.Namespace(arch_option=1, deep=argparse.Namespace(x=[1])),
        "dict": Settings(block_depth=2),
        "ordered": collections.OrderedDict(a=1),
        "other": datetime.date(2021, 9, 1),
    }
    read = plain(
        load(pickle.dumps(value, protocol), **{"collections.OrderedDict": lambda pairs=(): dict(pairs)})
    )
    assert read["space"] == {"arch_option": 1, "deep": {"x": [1]}}
    assert read["dict"] == {"block_depth": 2}
    assert read["ordered"] == {"a": 1}
    assert isinstance(read["other"], str)


def test_plain_survives_cycles_and_sharing():
    knot = []
    knot.append(knot)
    wide = ["x"]
    for _ in range(60):
        wide = [wide, wide]  # 2**60 words if it were walked as a tree
    deep = []
    for _ in range(10_000):
        deep = [deep]
    assert plain({"knot": knot, "wide": wide, "deep": deep}).keys() == {"knot", "wide", "deep"}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02}q\x00(X\x03\x00\x00\x00ab",
        b"\x80\x02.",
        b"\x80\x02h\x07.",
        b"\x80\x02K\x01K\x02s.",
        b"garbage",
        b"\x80\x02K\x01K\x02R.",
        b"\x80\x02N(K\x01K\x02u.",
        pickle.dumps({"a": list(range(9))})[:-3],
    ],
)
def test_damaged_pickles(data):
    with pytest.raises(UserError, match=r"damaged|cut off|refused"):
        load(data)


def test_a_key_twice():
    with pytest.raises(UserError, match="'w' stands twice"):
        load(b"\x80\x02}(U\x01wK\x01U\x01wK\x02u.")


def test_absurd_memory_and_depth():
    with pytest.raises(UserError, match="nested tuples"):
        load(b"\x80\x02}N" + b"\x85" * 100_000 + b"Ns.")
    assert load(b"\x80\x02K\x05r" + struct.pack("<I", 2**32 - 1) + b".") == 5  # a memo index, no allocation


def test_extension_registry_is_not_asked():
    with pytest.raises(UserError, match="instruction EXT1"):
        load(b"\x80\x02\x82\x01.")
