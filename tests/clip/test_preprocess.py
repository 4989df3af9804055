"""Preprocessing against the reference case, and its rules one by one."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ms_ovs.clip.preprocess import preprocess
from ms_ovs.clip.variants import VARIANTS
from ms_ovs.errors import UserError
from ms_ovs.parity.fill import make_input

FOLDER = Path(__file__).parents[1] / "reference" / "clip" / "preprocess"
CASE = json.loads((FOLDER / "case.json").read_text())
MEAN, STD = VARIANTS["ViT-B/32"].mean, VARIANTS["ViT-B/32"].std


@pytest.mark.parametrize("output", CASE["outputs"])
def test_reference_case(output):
    name, resolution = output.rsplit(".", 1)
    image = Image.fromarray(make_input(f"input:{name}", CASE["inputs"][f"input:{name}"]))
    ours = preprocess(image, int(resolution), MEAN, STD)
    assert ours.dtype == np.float32 and ours.shape == (3, int(resolution), int(resolution))
    with np.load(FOLDER / "outputs.npz") as stored:
        theirs = stored[output]
        strides = stored.get(f"{output}.stride", (1, 1, 1))
    ours = ours[tuple(slice(None, None, stride) for stride in strides)]
    error = np.abs(ours - theirs).max() / theirs.std()
    assert error < 1e-6, "one grey level would be 1.5e-2"


def test_right_size_is_not_resampled():
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    got = preprocess(Image.fromarray(pixels), 8, (0, 0, 0), (1, 1, 1))
    np.testing.assert_array_equal(got, pixels.transpose(2, 0, 1) / np.float32(255))


@pytest.mark.parametrize(("width", "offset"), [(11, 2), (13, 2), (15, 4)])
def test_half_offsets_go_to_the_even_number(width, offset):
    pixels = np.zeros((8, width, 3), np.uint8)
    pixels[..., 0] = np.arange(width)
    got = preprocess(Image.fromarray(pixels), 8, (0, 0, 0), (1, 1, 1))
    assert round(got[0, 0, 0] * 255) == offset


@pytest.mark.parametrize("mode", ["L", "RGBA", "CMYK", "1", "LA"])
def test_other_modes_become_rgb(mode):
    image = Image.new("RGB", (40, 30), (200, 100, 50)).convert(mode)
    got = preprocess(image, 16, MEAN, STD)
    assert got.shape == (3, 16, 16) and np.isfinite(got).all()


def test_image_without_pixels():
    with pytest.raises(UserError, match="0×5"):
        preprocess(Image.new("RGB", (0, 5)), 16, MEAN, STD)
