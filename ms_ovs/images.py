"""Opening photographs of any kind as RGB, 8 bits a channel.

What becomes of the kinds: grey is copied to three channels; 16-bit grey is scaled to 8 (by 257, not cut
off); transparent pixels are laid over white, since the colours they hide are arbitrary; CMYK is converted
by Pillow's plain formula, without colour profiles; of an animation the first picture is taken; a camera's
EXIF rotation is carried out.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ms_ovs.errors import UserError

SUFFIXES = (
    *(".bmp", ".gif", ".jfif", ".jp2", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)
FULL_16_BIT = 65535
TO_8_BIT = 257  # 65535 / 255


def open_image(path: str | Path) -> np.ndarray:
    """The photograph at `path` as uint8 (H,W,3), RGB, upright.

    Raises `UserError` when it is missing, not a picture, damaged, cut short, or suspiciously large.
    """
    path = Path(path)
    with _opened(path) as image:
        return _rgb(image, str(path))


def check_header(path: str | Path) -> None:
    """Raise the `UserError` that `open_image` would, as far as the first bytes of the file tell."""
    with _opened(Path(path)):
        pass


def as_rgb(image: str | Path | Image.Image | np.ndarray) -> np.ndarray:
    """A photograph as uint8 (H,W,3): a path, a Pillow image, or an array that is already of that kind.

    Raises `UserError` for anything else.
    """
    if isinstance(image, str | Path):
        return open_image(image)
    if isinstance(image, Image.Image):
        with _errors("the image"):
            return _rgb(image, "the image")
    if isinstance(image, np.ndarray):
        if image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3 and image.size:
            return image
        met = f"{image.dtype} {image.shape}"
    else:
        met = type(image).__name__
    raise UserError(f"an image is a path, a Pillow image or a uint8 array (height, width, 3), not {met}")


def find_images(paths: Sequence[str | Path]) -> list[Path]:
    """The files that `paths` name, each once; a folder stands for the pictures in it, by name.

    Folders are not searched deeper; hidden files and other suffixes than `SUFFIXES` are passed over.
    Raises `UserError` for a path that does not exist, a folder without pictures, or no paths.
    """
    found: dict[Path, Path] = {}
    for path in map(Path, paths):
        files = [path]
        if path.is_dir():
            files = sorted(entry for entry in path.iterdir() if _is_picture(entry))
            if not files:
                raise UserError(f"folder {str(path)!r} holds no pictures; known are {', '.join(SUFFIXES)}")
        elif not path.exists():
            raise UserError(f"photo {str(path)!r} does not exist; give a file or a folder")
        for file in files:
            found.setdefault(file.resolve(), file)
    if not found:
        raise UserError("no photos: give at least one file or folder")
    return list(found.values())


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()


@contextmanager
def _opened(path: Path) -> Iterator[Image.Image]:
    if not path.exists():
        raise UserError(f"photo {str(path)!r} does not exist")
    if not path.is_file():
        raise UserError(f"photo {str(path)!r} is not a file")
    if path.stat().st_size == 0:
        raise UserError(f"photo {str(path)!r} is an empty file")
    with _errors(f"photo {str(path)!r}"), Image.open(path) as image:
        yield image


@contextmanager
def _errors(what: str) -> Iterator[None]:
    """Turn what Pillow raises into a `UserError`, and keep its warnings off the screen."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError(
            f"{what} has more than {2 * Image.MAX_IMAGE_PIXELS // 10**6} million pixels, "
            "the limit against decompression bombs: make it smaller"
        ) from None
    except UnidentifiedImageError:
        raise UserError(f"{what} is not a picture of a known kind; save it as JPEG or PNG") from None
    except PermissionError:
        raise UserError(f"{what} may not be read: check its permissions") from None
    except Exception as error:  # decoders raise anything from OSError to SyntaxError on a damaged file
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(f"{what} is damaged ({reason}): save it again as JPEG or PNG") from None


def _rgb(image: Image.Image, what: str) -> np.ndarray:
    if not (image.width and image.height):
        raise UserError(f"{what} has no pixels ({image.width} x {image.height})")
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I"):
        image = _from_16_bit(image, what)
    elif image.mode == "F":
        raise UserError(f"{what} holds floating-point values, whose range is not known: save it with 8 bits")
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(image.convert("RGB"))


def _from_16_bit(image: Image.Image, what: str) -> Image.Image:
    values = np.array(image)
    if values.min() < 0 or values.max() > FULL_16_BIT:
        raise UserError(
            f"{what} holds whole numbers from {values.min()} to {values.max()}, "
            f"more than 16 bits (0 to {FULL_16_BIT}): save it with 8 or 16 bits"
        )
    return Image.fromarray(((values.astype(np.uint32) + TO_8_BIT // 2) // TO_8_BIT).astype(np.uint8))
