"""Reading the files of a data set: pixels as they are stored, and a `UserError` for a file that is no good.

Unlike `ms_ovs.images`, which opens any photograph as a person sees it, this turns nothing upright, since the
label map of a photograph is stored as the photograph is.
"""

import warnings
from pathlib import Path

import numpy as np
from PIL import Image

from ms_ovs.errors import UserError


def read_image(path: Path) -> np.ndarray:
    """The photograph at `path`, uint8 (H,W,3), RGB."""
    return np.array(_open(path, "image").convert("RGB"))


def read_labels(path: Path) -> np.ndarray:
    """The label map at `path`, uint8 or uint16 (H,W): grey levels, or places in a palette."""
    picture = _open(path, "label map")
    if picture.mode in ("L", "P", "1"):
        return np.array(picture).astype(np.uint8)
    values = np.array(picture)
    if values.ndim != 2 or values.dtype.kind not in "iu" or not 0 <= values.min() <= values.max() < 2**16:
        raise UserError(
            f"label map {str(path)!r} is a picture of mode {picture.mode}: "
            "it must have one channel of 8 or 16 bits, the number of the class"
        )
    return values.astype(np.uint16)


def read_grey(path: Path) -> np.ndarray:
    """The mask at `path`, uint8 (H,W): how light it is, where a mask is a picture of any kind."""
    return np.array(_open(path, "mask").convert("L"))


def check_sizes(image: np.ndarray, labels: np.ndarray, path: Path) -> None:
    """Raise `UserError` unless the label map at `path` has the size of its image."""
    if image.shape[:2] != labels.shape:
        sizes = [f"{side[1]}×{side[0]}" for side in (labels.shape, image.shape)]
        raise UserError(
            f"label map {str(path)!r} has {sizes[0]} pixels, its image {sizes[1]}: they must be of one size"
        )


def _open(path: Path, what: str) -> Image.Image:
    """The picture at `path` with its pixels, the file closed."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                picture.load()
                return picture
    except FileNotFoundError:
        raise UserError(f"{what} {str(path)!r} is gone: put it back, or skip and count such files") from None
    except Exception as error:  # decoders raise anything from OSError to SyntaxError on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{what} {str(path)!r} cannot be read ({reason}): "
            "put a good copy there, or skip and count such files"
        ) from None
