"""The fill rule of the reference cases: a tensor from its name and shape (tests/reference/README.md)."""

import math
import zlib

import numpy as np


def generator(name: str) -> np.random.Generator:
    """The random generator that belongs to a name."""
    return np.random.Generator(np.random.PCG64(zlib.crc32(name.encode())))


def fill(name: str, shape, dtype: str = "float32") -> np.ndarray:
    """The weight tensor called `name`, as the rule makes it."""
    shape = tuple(shape)
    if not np.issubdtype(np.dtype(dtype), np.floating):
        return np.zeros(shape, dtype)
    n = generator(name).standard_normal(shape, dtype=np.float32)
    if name.endswith("running_var"):
        out = 1 + 0.1 * np.abs(n)
    elif len(shape) <= 1:
        out = 1 + 0.1 * n if name.endswith(("weight", "gamma")) else 0.1 * n
    else:
        out = n / np.float32(math.sqrt(math.prod(shape[1:])))
    return np.asarray(out, np.float32).astype(dtype)


def make_input(name: str, spec: dict) -> np.ndarray:
    """The input called `name` ("input:image") from its spec in case.json: {kind, shape, high?}."""
    rng, shape = generator(name), tuple(spec["shape"])
    if spec["kind"] == "normal":
        return rng.standard_normal(shape, dtype=np.float32)
    if spec["kind"] == "uint8":
        return rng.integers(0, 256, shape, dtype=np.uint8)
    if spec["kind"] == "labels":
        return rng.integers(0, spec["high"], shape)
    raise ValueError(f"{name}: unknown input kind {spec['kind']!r}")
