"""Reading pickles that data sets come with, which may hold data and nothing that runs."""

import io
import pickle
from collections.abc import Collection
from typing import Any

# what NumPy's arrays and Python's sets are pickled as; names differ by version; `encode` is for bytes
ARRAYS = frozenset(
    {
        *(
            (f"numpy.{core}.{module}", name)
            for core in ("core", "_core")
            for module, name in (
                ("multiarray", "_reconstruct"),
                ("multiarray", "scalar"),
                ("numeric", "_frombuffer"),
            )
        ),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
        *((module, name) for module in ("builtins", "__builtin__") for name in ("set", "frozenset")),
    }
)


def unpickle(data: bytes, allowed: Collection[tuple[str, str]] = ()) -> Any:
    """What a pickle holds: lists, dictionaries, strings, numbers, and what (module, name) in `allowed` say.

    Raises `pickle.UnpicklingError` for a pickle that asks for anything else, which could run a program, and
    whatever the reader raises for a damaged one.
    """
    return _PlainUnpickler(data, allowed).load()


class _PlainUnpickler(pickle.Unpickler):
    def __init__(self, data: bytes, allowed: Collection[tuple[str, str]]):
        super().__init__(io.BytesIO(data))
        self.allowed = allowed

    def find_class(self, module: str, name: str):
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module, name)
