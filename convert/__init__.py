"""Checkpoints of the reference programs → ms_ovs files and back, without torch and without MindSpore.

`python -m convert --help` is the command; the functions here do the same from Python. They are loaded
when first used, so that the command's help is quick.
"""

import importlib

_HOME = {
    "Conversion": "convert.conversion",
    "Entry": "convert.tensors",
    "Source": "convert.readers",
    "convert_file": "convert.files",
    "convert_tensors": "convert.conversion",
    "read": "convert.readers",
    "reverse_file": "convert.files",
    "reverse_tensors": "convert.conversion",
}
__all__ = list(_HOME)


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'convert' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
