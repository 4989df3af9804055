"""Training crops by mmsegmentation's rules."""

import numpy as np
import pytest

from ms_ovs.data.hidden import HIDDEN
from ms_ovs.data.mmseg_crop import TRIES, ScaledCrop, distortion
from ms_ovs.data.transforms import normalise

PLAIN = {"smallest": 1.0, "largest": 1.0, "mirror": 0.0, "distort": False}
RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (40, 60, 3), dtype=np.uint8)
TARGET = RNG.integers(0, 4, (40, 60)).astype(np.int32)


class Recorded:
    """Draws that are known: numbers of [0, 1), and whole numbers, one after the other."""

    def __init__(self, *numbers):
        self.numbers = list(numbers)
        self.limits = []

    def random(self):
        return self.numbers.pop(0)

    def integers(self, low, high, *, endpoint):
        self.limits.append((low, high))
        return self.numbers.pop(0)


def test_a_square_at_its_own_size():
    crop = ScaledCrop((60, 60), 16, **PLAIN)
    pixels, target = crop(IMAGE, TARGET, Recorded(0.3, 5, 7, 0.9))
    np.testing.assert_array_equal(target, TARGET[5:21, 7:23])
    np.testing.assert_array_equal(pixels, normalise(IMAGE[5:21, 7:23], crop.mean, crop.std))
    mirrored = ScaledCrop((60, 60), 16, **{**PLAIN, "mirror": 1.0})
    pixels, target = mirrored(IMAGE, TARGET, Recorded(0.3, 5, 7, 0.9))
    np.testing.assert_array_equal(target, TARGET[5:21, 7:23][:, ::-1])


def test_the_scale_is_one_factor_cut_off():
    # 0.5 + 0.35 · 1.5 = 1.025: bounds of int(41.0) and int(61.5) leave 40×60 at 41×61.5 → 41×61
    draws = Recorded(0.35, 0, 0, 0.9)
    ScaledCrop((40, 60), 16, mirror=0.0, distort=False)(IMAGE, TARGET, draws)
    assert draws.limits[:2] == [(0, 41 - 16), (0, 61 - 16)]


def test_padding_comes_after_the_normalisation():
    pixels, target = ScaledCrop((60, 60), 64, **PLAIN)(IMAGE, TARGET, Recorded(0.3, 0, 0, 0.9))
    assert pixels.shape == (3, 64, 64) and target.shape == (64, 64)
    assert (pixels[:, 40:] == 0).all() and (pixels[:, :, 60:] == 0).all() and pixels[:, :40, :60].std() > 0.5
    assert (target[40:] == -1).all() and (target[:, 60:] == -1).all()


def test_what_is_mixed():
    crop = ScaledCrop((60, 60), 16)
    label = np.array([[0, 0, 0, 1]], np.int32)
    assert not crop.mixed(label)  # 0.75 is not below 0.75
    assert crop.mixed(np.array([[0, 0, 1, 1]], np.int32))
    assert crop.mixed(np.array([[0, 0, -1, 1]], np.int32))  # ignored pixels do not count
    assert not crop.mixed(np.array([[0, 0, -1, -1]], np.int32))
    assert crop.mixed(np.array([[0, 0, HIDDEN, HIDDEN]], np.int32))
    assert not crop.mixed(np.full((2, 2), HIDDEN, np.int32))


@pytest.mark.parametrize(("value", "draws"), [(HIDDEN, TRIES + 1), (None, 1)])
def test_a_square_that_is_never_mixed_is_drawn_ten_times_again(value, draws):
    target = TARGET if value is None else np.full_like(TARGET, value)
    places = Recorded(*range(2 * draws))
    place = ScaledCrop((60, 60), 8, **PLAIN).place(target, places)
    assert places.numbers == []
    assert (place[0].start, place[1].start) == (2 * draws - 2, 2 * draws - 1)


def test_distortion_draws_each_change_by_half():
    none = distortion(Recorded(0, 0, 0, 0, 0))
    assert (none.brightness, none.contrast, none.saturation, none.hue) == (None,) * 4
    draws = Recorded(1, 0.75, 0, 1, 0.0, 1, 1.0, 1, -18)
    every = distortion(draws)
    assert (every.brightness, every.contrast, every.saturation, every.hue) == (16, 0.5, 1.5, -18)
    assert every.contrast_last and draws.limits[-1] == (-18, 17)


def test_equal_draws_give_equal_samples():
    crop = ScaledCrop((60, 60), 32)
    first, second = (crop(IMAGE, TARGET, np.random.default_rng(4)) for _ in range(2))
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    assert not np.array_equal(first[0], crop(IMAGE, TARGET, np.random.default_rng(5))[0])
