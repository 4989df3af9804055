"""A data set that is a folder of images, of which nothing is annotated."""

import numpy as np

from ms_ovs.config import Settings
from ms_ovs.data.folders import find_files
from ms_ovs.data.reading import read_image
from ms_ovs.data.transforms import IGNORE
from ms_ovs.vocab.labels import Vocabulary


class PhotographSettings(Settings):
    """Where the images are: everything below `image_dir` whose name ends in `image_suffix`."""

    image_dir: str
    image_suffix: str = ".jpg"


class Photographs:
    """(image uint8 (H,W,3), target int32 (H,W), -1 everywhere), in the order of their names.

    `images` are the paths; what no word names is called "background" in the `vocabulary`.
    """

    vocabulary = Vocabulary.of(("background",))

    def __init__(self, settings: PhotographSettings):
        """Raises `UserError` for a folder that is missing or holds no images."""
        found = find_files(settings.image_dir, settings.image_suffix, "image")
        self.images = [found[name] for name in sorted(found)]

    def __len__(self) -> int:
        """The number of images."""
        return len(self.images)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Read an image. Raises `UserError`, naming a file that is gone or damaged."""
        image = read_image(self.images[index])
        return image, np.full(image.shape[:2], IGNORE, np.int32)
