"""Small archives in the official formats, made of {name in the archive: content}."""

import io
import tarfile
import zipfile

import numpy as np
from PIL import Image
from scipy.io import savemat


def encoded(values, form, **options):
    """The bytes of a picture: uint8 (H,W) or (H,W,3), or uint16 (H,W), as "PNG", "JPEG" or "TIFF"."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(values)).save(buffer, form, **options)
    return buffer.getvalue()


def jpeg(values):
    """uint8 (H,W,3) as a JPEG that hardly changes it."""
    return encoded(np.asarray(values, np.uint8), "JPEG", quality=100, subsampling=0)


def png(values):
    """uint8 (H,W) or (H,W,3) as a PNG."""
    return encoded(np.asarray(values, np.uint8), "PNG")


def tiff(values):
    """uint16 (H,W) as a TIFF."""
    return encoded(np.asarray(values, np.uint16), "TIFF")


def palette_png(values):
    """uint8 (H,W) as a PNG with a palette, whose colours are not the values."""
    picture = Image.fromarray(np.asarray(values, np.uint8), "L")
    picture.putpalette([colour for place in range(256) for colour in (255 - place, place * 7 % 256, 3)])
    buffer = io.BytesIO()
    picture.save(buffer, "PNG")
    return buffer.getvalue()


def pack_zip(path, files):
    """Write the zip `path` and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def pack_tar(path, files):
    """Write the tar `path`, packed if its name ends in "gz", and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(path, "w:gz" if path.name.endswith("gz") else "w") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def matlab(**variables):
    """The bytes of a MATLAB file; a dictionary becomes a structure."""
    buffer = io.BytesIO()
    savemat(buffer, variables, do_compression=True)
    return buffer.getvalue()
