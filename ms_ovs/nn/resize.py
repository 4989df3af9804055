"""Bilinear resizing."""

from mindspore import ops


def bilinear(x, size: tuple[int, int], *, align_corners: bool):
    """(B, C, h, w) → (B, C, *size), without antialiasing. `align_corners` as in PyTorch."""
    return ops.interpolate(x, size, None, "bilinear", align_corners)
