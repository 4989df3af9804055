"""The published systems and their checkpoints.

`create_model` and `list_models` are loaded when first used: the converter reads the tables of sizes in
this package and must not bring MindSpore in.
"""

import importlib

__all__ = ["create_model", "list_models"]


def __getattr__(name: str):
    if name not in __all__:
        raise AttributeError(f"module 'ms_ovs.models' has no attribute {name!r}")
    return getattr(importlib.import_module("ms_ovs.models.registry"), name)
