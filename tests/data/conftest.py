"""A small data set on disk, in the layout of ADE20K."""

from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.folders import FolderSettings

NAMES = ("sky", "wall", "cat")


@pytest.fixture
def folder(tmp_path):
    """Nine photographs of 20×16 pixels, label maps (0 = unlabelled, n + 1 = class n), and their settings."""
    rng = np.random.default_rng(0)
    (tmp_path / "images/deep").mkdir(parents=True)
    (tmp_path / "maps/deep").mkdir(parents=True)
    for number in range(9):
        name = f"deep/{number}" if number % 2 else str(number)
        colours = rng.integers(0, 256, (16, 20, 3), np.uint8)
        Image.fromarray(colours).save(tmp_path / f"images/{name}.png")
        Image.fromarray(rng.integers(0, 4, (16, 20), np.uint8)).save(tmp_path / f"maps/{name}_ids.png")
    (tmp_path / "labels.txt").write_text("\n".join(NAMES))
    settings = FolderSettings(
        image_dir=str(tmp_path / "images"),
        label_dir=str(tmp_path / "maps"),
        image_suffix=".png",
        label_suffix="_ids.png",
        labels=str(tmp_path / "labels.txt"),
        offset=1,
        ignore=[0],
    )
    return SimpleNamespace(root=tmp_path, settings=settings)
