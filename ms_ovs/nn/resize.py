"""Resizing of maps."""

import numpy as np
from mindspore import Tensor, nn, ops
from mindspore.ops import constexpr

from ms_ovs.nn.platform import on_cpu

CUBIC = -0.75  # the free number of the cubic kernel, PyTorch's
# The longest side from which the gradient is taken by products: they take quadratic time, the kernel linear.
LONGEST = 160


def bilinear(x, size: tuple[int, int], *, align_corners: bool):
    """(B, C, h, w) → (B, C, *size), without antialiasing. `align_corners` as in PyTorch."""
    if _by_products(x.shape[2], x.shape[3]):
        return _BILINEAR(x, size, align_corners)
    return ops.interpolate(x, size, None, "bilinear", align_corners)


class Bilinear(nn.Cell):
    """`bilinear` whose gradient is two products with constant weights.

    MindSpore's own gradient runs on one thread of the CPU and takes six times as long as the resizing.
    """

    def construct(self, x, size, align_corners):
        return ops.interpolate(x, size, None, "bilinear", align_corners)

    def bprop(self, x, size, align_corners, out, dout):
        batch, channels, height, width = x.shape
        maps, (rows, columns) = batch * channels, size
        across = _linear_tensor(width, columns, align_corners)
        dx = ops.matmul(dout.reshape(maps * rows, columns), across).reshape(maps, rows, width)
        dx = ops.matmul(ops.transpose(_linear_tensor(height, rows, align_corners), (1, 0)), dx)
        return dx.reshape(batch, channels, height, width), 0, 0  # size and align_corners have none


_BILINEAR = Bilinear()


@constexpr
def _by_products(height: int, width: int) -> bool:
    return on_cpu() and max(height, width) <= LONGEST


def linear_weights(source: int, target: int, align_corners: bool) -> np.ndarray:
    """float32 (target, source): what each of `source` places gives to each of `target` places.

    Places are computed in float32, as the kernels of PyTorch and MindSpore do.
    """
    index = np.arange(target, dtype=np.float32)
    if align_corners:
        place = index * (np.float32(source - 1) / np.float32(max(target - 1, 1)))
    else:
        half = np.float32(0.5)
        place = np.maximum((index + half) * (np.float32(source) / np.float32(target)) - half, 0)
    low = np.minimum(place.astype(int), source - 1)
    high = np.minimum(low + 1, source - 1)
    part = (place - low).astype(np.float32)
    weights = np.zeros((target, source), np.float32)
    np.add.at(weights, (np.arange(target), low), 1 - part)
    np.add.at(weights, (np.arange(target), high), part)
    return weights


@constexpr
def _linear_tensor(source: int, target: int, align_corners: bool) -> Tensor:
    return Tensor(linear_weights(source, target, align_corners))


def bicubic(x, size: tuple[int, int]):
    """(h, w, C) → (*size, C), half-pixel centres, without antialiasing, as in PyTorch.

    Two products with constant weights: MindSpore's own kernel is silently wrong on the CPU.
    """
    height, width, channels = x.shape
    rows = ops.matmul(_cubic_tensor(height, size[0]), x.reshape(height, width * channels))
    return ops.matmul(_cubic_tensor(width, size[1]), rows.reshape(size[0], width, channels))


def cubic_weights(source: int, target: int) -> np.ndarray:
    """float32 (target, source): what each of `source` places gives to each of `target` places.

    Places beyond the border count as those on it.
    """
    place = (np.arange(target) + 0.5) * (source / target) - 0.5
    first = np.floor(place).astype(int)
    weights = np.zeros((target, source))
    for step in (-1, 0, 1, 2):
        near = np.clip(first + step, 0, source - 1)
        np.add.at(weights, (np.arange(target), near), _cubic(np.abs(place - first - step)))
    return weights.astype(np.float32)


def _cubic(distance: np.ndarray) -> np.ndarray:
    """Keys' cubic kernel at distances of 0 to 2."""
    inner = ((CUBIC + 2) * distance - (CUBIC + 3)) * distance**2 + 1
    outer = CUBIC * (((distance - 5) * distance + 8) * distance - 4)
    return np.where(distance <= 1, inner, outer)


@constexpr
def _cubic_tensor(source: int, target: int) -> Tensor:
    return Tensor(cubic_weights(source, target))
