"""Label maps that are MATLAB files."""

from pathlib import Path

import numpy as np
from scipy.io import loadmat

from ms_ovs.errors import UserError


def read_matlab(path: Path, variable: str, field: str | None = None) -> np.ndarray:
    """uint8 or uint16 (H,W): the map that is `variable` of the file, or the `field` of that structure.

    Raises `UserError` for a file that cannot be read, has no such variable, or holds no label map in it.
    """
    try:
        found = loadmat(path, variable_names=[variable])[variable]
        found = found if field is None else found[field][0, 0]
    except Exception as error:  # the reader raises anything on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"label map {str(path)!r} cannot be read as {variable} ({reason}): unpack it again"
        ) from None
    if getattr(found, "dtype", None) not in (np.uint8, np.uint16) or found.ndim != 2:
        raise UserError(
            f"label map {str(path)!r} has no numbers of 8 or 16 bits in rows and columns as {variable}: "
            "unpack it again"
        )
    return found
