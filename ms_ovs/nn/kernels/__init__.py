"""Kernels of our own for the CPU, in C++: for what MindSpore's take many times too long.

`pip install` builds them where it finds a C++ compiler. Cells ask `built` at construction and use MindSpore's
operations otherwise, as they do on Ascend and GPU.
"""

import sysconfig
from collections.abc import Callable
from pathlib import Path

from mindspore import ops

from ms_ovs.nn.platform import on_cpu

LIBRARY = Path(__file__).with_name("library" + str(sysconfig.get_config_var("EXT_SUFFIX")))


def built() -> bool:
    """Whether the device is the CPU and the kernels are there."""
    return on_cpu() and LIBRARY.exists()


def kernel(function: str, shapes: Callable, *, results: int = 1) -> ops.Custom:
    """The operation of a C++ function on float32 tensors.

    `shapes` makes the shape of its result of those of its inputs; of several `results`, a tuple of shapes.
    """

    def types(*inputs):
        return inputs[0] if results == 1 else inputs[:1] * results

    return ops.Custom(f"{LIBRARY}:{function}", out_shape=shapes, out_dtype=types, func_type="aot")
