"""What tells the files of a data set apart from others, without reading them."""

import hashlib
import json

from ms_ovs.data.folders import FolderDataset, FolderSettings

PLACES = {"image_dir", "label_dir", "names", "extra_images", "labels"}  # what may differ for equal pairs


def fingerprint(settings: FolderSettings, data: FolderDataset) -> str:
    """SHA-256 over the names and sizes (bytes) of all pairs, and over what the values of the maps mean.

    Names are those below the two folders, so that a data set may be moved. Raises `OSError` for files that
    are gone.
    """
    digest = hashlib.sha256()
    meaning = settings.model_dump(mode="json", exclude=PLACES)
    digest.update(json.dumps(meaning, sort_keys=True).encode())
    for pair in zip(data.images, data.labels, strict=True):
        for path, folder in zip(pair, (settings.image_dir, settings.label_dir), strict=True):
            digest.update(f"\n{path.relative_to(folder).as_posix()}\t{path.stat().st_size}".encode())
    return digest.hexdigest()
