"""Every output of the recorded case, and what the case does not show."""

import json
from pathlib import Path

import numpy as np
import pytest

from ms_ovs.data import transforms
from ms_ovs.data.transforms import CentreCrop, RandomCrop, Squeezed, Whole, torch_nearest
from ms_ovs.parity.fill import make_input

FOLDER = Path(__file__).parents[1] / "reference/lseg/transforms"
SPEC = json.loads((FOLDER / "case.json").read_text())
STORED = dict(np.load(FOLDER / "outputs.npz"))


class Recorded:
    """Draws as they were made, each asked for within the limits it was made in."""

    def __init__(self, mirror, integers):
        self.mirror, self.left = mirror, list(integers)

    def random(self):
        return self.mirror

    def integers(self, low, high, *, endpoint):
        draw = self.left.pop(0)
        assert endpoint and (low, high) == (draw["low"], draw["high_inclusive"]), draw["what"]
        return draw["value"]


def read(name):
    return make_input(f"input:{name}", SPEC["inputs"][f"input:{name}"])


def samples(array, output):
    return array[tuple(slice(None, None, step) for step in STORED[f"{output}.stride"])]


def assert_same(image, target, case):
    # the grey levels are equal, hence these
    np.testing.assert_array_equal(samples(image, f"{case}.image"), STORED[f"{case}.image"])
    np.testing.assert_array_equal(samples(target, f"{case}.target"), STORED[f"{case}.target"])
    assert (image.dtype, target.dtype) == (np.float32, np.int32)
    assert image.shape == (3, 480, 480) and target.shape == (480, 480)


@pytest.fixture(scope="module")
def photo():
    return read("photo"), read("photo_mask").astype(np.int32) - 1


def test_validation(photo):
    assert_same(*CentreCrop()(*photo), "val")


@pytest.mark.parametrize("case", SPEC["draws"])
def test_training(photo, case):
    draws = Recorded(SPEC["draws"][case]["mirror_draw"], SPEC["draws"][case]["integer_draws"])
    assert_same(*RandomCrop()(*photo, draws), case)
    assert not draws.left


@pytest.mark.parametrize(
    ("output", "mean", "std"),
    [
        ("image_imagenet", transforms.IMAGENET_MEAN, transforms.IMAGENET_STD),
        ("image_half", transforms.HALF, transforms.HALF),
    ],
)
def test_few_shot(output, mean, std):
    labels = read("fs_labels")
    target = np.where(labels > 20, -1, labels == 7).astype(np.int32)
    image, target = Squeezed(mean=mean, std=std)(read("fs_photo"), target)
    np.testing.assert_array_equal(samples(image, f"fewshot.{output}"), STORED[f"fewshot.{output}"])
    np.testing.assert_array_equal(samples(target == 1, "fewshot.mask"), STORED["fewshot.mask"])
    np.testing.assert_array_equal(samples(target == -1, "fewshot.ignore"), STORED["fewshot.ignore"])
    assert target.dtype == np.int32


def test_nearest_is_torchs():
    torch = pytest.importorskip("torch")
    for source, size in ((500, 480), (250, 480), (333, 480), (375, 480), (481, 64), (3, 7), (64, 64)):
        row = np.arange(source, dtype=np.int32)[None]
        theirs = torch.nn.functional.interpolate(
            torch.tensor(row, dtype=torch.float32)[None, None], (1, size)
        )
        np.testing.assert_array_equal(torch_nearest(row, 1, size), theirs[0, 0].numpy())
    exact = np.arange(480) * 500 // 480
    assert (torch_nearest(np.arange(500)[None], 1, 480)[0] != exact).sum() == 6


def test_targets_stay_with_their_pixels():
    """Where an image shows its own target, it still does so after mirroring, padding and cropping."""
    target = np.kron(np.arange(1, 7, dtype=np.int32).reshape(2, 3), np.ones((40, 40), np.int32))
    image = np.repeat(target[..., None] * 40, 3, 2).astype(np.uint8)
    transform = RandomCrop(base_size=100, crop_size=90, mean=(0, 0, 0), std=(1, 1, 1))
    kinds = set()
    for seed in range(20):
        pixels, found = transform(image, target, np.random.default_rng(seed))
        shown = np.rint(pixels[0] * 255 / 40).astype(int)
        padding = found == transforms.IGNORE
        assert (pixels[:, padding] == 0).all()
        assert (shown[~padding] == found[~padding]).mean() > 0.9  # borders are blurred
        kinds.add(bool(padding.any()))
    assert kinds == {True, False}


def test_mirror_and_scale_can_be_switched_off():
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    target = np.arange(16, dtype=np.int32).reshape(4, 4)
    still = RandomCrop(base_size=4, crop_size=4, smallest=1, largest=1, mirror=0)
    pixels, found = still(image, target, np.random.default_rng(0))
    np.testing.assert_array_equal(found, target)
    np.testing.assert_array_equal(pixels, Whole()(image, target)[0])


def test_a_narrow_photograph():
    image, target = np.zeros((1, 300, 3), np.uint8), np.zeros((1, 300), np.int32)
    pixels, found = RandomCrop(base_size=64, crop_size=32)(image, target, np.random.default_rng(0))
    assert pixels.shape == (3, 32, 32) and (found[1:] == -1).all()
