"""Folders of images without annotations."""

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.photographs import Photographs, PhotographSettings
from ms_ovs.errors import UserError


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for number, name in enumerate(("b.jpg", "a.jpg", "sub/c.jpg", "d.png", ".e.jpg")):
        Image.new("RGB", (6 + number, 4), (number, 0, 0)).save(tmp_path / name)
    return tmp_path


def test_all_images_of_the_suffix_with_nothing_labelled(folder):
    data = Photographs(PhotographSettings(image_dir=str(folder)))
    assert [path.name for path in data.images] == ["a.jpg", "b.jpg", "c.jpg"] and len(data) == 3
    image, target = data[0]
    assert image.shape == (4, 7, 3) and image.dtype == np.uint8
    assert target.shape == (4, 7) and target.dtype == np.int32 and (target == -1).all()
    assert len(Photographs(PhotographSettings(image_dir=str(folder), image_suffix=".png"))) == 1


def test_what_cannot_be_read(folder):
    with pytest.raises(UserError, match="holds no files that end in '.tif'"):
        Photographs(PhotographSettings(image_dir=str(folder), image_suffix=".tif"))
    data = Photographs(PhotographSettings(image_dir=str(folder)))
    (folder / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(UserError, match=r"a\.jpg"):
        data[0]
