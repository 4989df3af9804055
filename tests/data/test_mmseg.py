"""The rules of mmsegmentation's reader that the recorded case leaves open."""

import numpy as np
import pytest

from ms_ovs.data import mmseg


@pytest.mark.parametrize(
    ("sides", "scale", "expected"),
    [
        ((375, 500), (520, 520), (390, 520)),
        ((375, 500), (2048, 512), (512, 683)),
        ((375, 500), (512, 2048), (512, 683)),
        ((500, 375), (2048, 512), (683, 512)),
        ((100, 1000), (2048, 512), (205, 2048)),
        ((3, 1000), (100, 100), (1, 100)),
        ((5, 2), (5, 5), (5, 2)),
    ],
)
def test_fitted_size(sides, scale, expected):
    assert mmseg.fitted_size(*sides, scale) == expected


def test_a_photograph_at_its_size_stays():
    image = np.random.default_rng(0).integers(0, 256, (7, 9, 3), dtype=np.uint8)
    np.testing.assert_array_equal(mmseg.resized(image, (7, 9)), image)
    assert mmseg.resized(image, (14, 5)).shape == (14, 5, 3)


def test_labels_come_from_the_floor_of_their_place():
    labels = np.arange(-1, 5, dtype=np.int32)[None]
    np.testing.assert_array_equal(mmseg.resized_labels(labels, (1, 4))[0], labels[0, [0, 1, 3, 4]])
    assert mmseg.resized_labels(labels, (2, 12)).dtype == np.int32


def test_zero_and_255_are_ignored_and_classes_can_be_hidden():
    labels = mmseg.without_zero(np.array([[0, 1, 59, 255]], np.uint8))
    assert labels.tolist() == [[255, 0, 58, 255]] and labels.dtype == np.int32
    assert mmseg.suppressed(labels, [0, 3]).tolist() == [[255, -1, 58, 255]]


def test_padding_is_below_and_at_the_right():
    assert mmseg.padded(np.ones((1, 2), np.int32), (2, 3), 255).tolist() == [[1, 1, 255], [255, 255, 255]]
    assert mmseg.padded(np.ones((3, 2, 2), np.float32), (2, 4), 0)[:, :, 2:].max() == 0


def test_distortion():
    image = np.array([[[10, 20, 200], [255, 0, 128]]], np.uint8)
    np.testing.assert_array_equal(mmseg.Distortion()(image), image)
    np.testing.assert_array_equal(
        mmseg.Distortion(brightness=20.6)(image), [[[30, 40, 220], [255, 20, 148]]], "cut off, not rounded"
    )
    first, last = (mmseg.Distortion(10.0, 2.0, contrast_last=late) for late in (False, True))
    np.testing.assert_array_equal(first(image), last(image))  # nothing lies between
    grey = mmseg.Distortion(saturation=0.0)(image)
    assert (grey == image.max(2, keepdims=True)).all()
    assert (mmseg.Distortion(hue=90)(image)[0, 0] != image[0, 0]).any()
    coloured = [
        mmseg.Distortion(contrast=3.0, saturation=1.4, contrast_last=late)(image) for late in (False, True)
    ]
    assert (coloured[0] != coloured[1]).any()
