"""Open-vocabulary segmentation on MindSpore: images and words in, label maps out.

The public names load MindSpore only when they are first used, so that `import ms_ovs` is free.
"""

import importlib
import os
import platform
from importlib import metadata

__version__ = "0.1.0"
__all__ = ["Segmenter", "__version__", "create_model", "list_models"]

_HOME = {
    "create_model": "ms_ovs.models",
    "list_models": "ms_ovs.models",
    "Segmenter": "ms_ovs.api",
}


def _choose_onednn_kernels() -> None:
    """Keep MindSpore 2.9+ from its slow reference convolution on AVX-512 machines.

    oneDNN 3.10, inside those wheels, picks `conv+ref:any` there (a hundred times slower); limited to
    AVX2 it does not. Must act before MindSpore is imported; a value that the user set stays.
    """
    try:
        major, minor = metadata.version("mindspore").split(".")[:2]
    except metadata.PackageNotFoundError:
        return
    if platform.machine() in ("x86_64", "AMD64") and (int(major), int(minor)) >= (2, 9):
        os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX2")


_choose_onednn_kernels()


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module 'ms_ovs' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
