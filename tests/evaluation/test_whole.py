"""The test protocol of mmsegmentation around networks that are easy to foresee."""

import numpy as np
import pytest

from ms_ovs.evaluation import whole
from ms_ovs.evaluation.whole import Resized, Rows, WholeImage, softmax

PLAIN = {"mean": (0, 0, 0), "std": (1, 1, 1)}


def quarter(image):
    """Scores on a coarse grid: every fourth pixel of the three channels."""
    quarter.calls.append(image.shape)
    return image[:, :, ::4, ::4]


@pytest.fixture(autouse=True)
def photo():
    quarter.calls = []
    return np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)


def scores_of(photo, size=(60, 90)):
    """The scores at the photograph's size, step by step."""
    image = photo.transpose(2, 0, 1).astype(np.float32) / 255
    return Resized(Rows(Resized(Rows(image[:, ::4, ::4]), size, False).all()), (60, 90), False).all()


def test_scores_are_resized_twice(photo):
    labels = WholeImage(**PLAIN).segment(quarter, photo)
    assert quarter.calls == [(1, 3, 60, 90)] and labels.dtype == np.int32
    np.testing.assert_array_equal(labels, scores_of(photo).argmax(0))


def test_bands_are_the_same_as_the_whole(photo, monkeypatch):
    monkeypatch.setattr(whole, "BAND_BYTES", 1)
    np.testing.assert_array_equal(WholeImage(**PLAIN).segment(quarter, photo), scores_of(photo).argmax(0))


@pytest.mark.parametrize(
    ("settings", "sizes"),
    [
        ({"scale": (45, 45)}, [(30, 45)]),
        ({"scale": (2048, 30)}, [(30, 45)]),
        ({"scale": (45, 45), "scales": (1.0, 2.0)}, [(30, 45), (60, 90)]),
        ({"scales": (0.5,), "flip": True}, [(30, 45), (30, 45)]),
    ],
)
def test_views(photo, settings, sizes):
    protocol, told = WholeImage(**settings, **PLAIN), []
    assert protocol.segment(quarter, photo, lambda *now: told.append(now)).shape == (60, 90)
    assert quarter.calls == [(1, 3, *size) for size in sizes]
    assert told == [(number, len(sizes)) for number in range(1, len(sizes) + 1)]
    record = protocol.record(60, 90)
    assert record["calls"] == len(sizes) == protocol.calls(60, 90) and record["batch"] == 1


def test_probabilities_of_views_are_averaged_and_mirrors_turned_back():
    left = np.array([[[4.0, 0], [0, 0]], [[0, 1], [0, 0]]], np.float32)
    right = np.array([[[0, 0], [0, 0]], [[3.0, 0], [0, 5.0]]], np.float32)
    views = [(Rows(left), False), (Rows(right), True)]
    ((start, band),) = WholeImage().bands(views, (2, 2))
    assert start == 0
    np.testing.assert_allclose(band, (softmax(left) + softmax(right)[:, :, ::-1]) / 2, rtol=1e-6)
    ((_, scores),) = WholeImage().bands(views[:1], (2, 2))
    np.testing.assert_array_equal(scores, left)


def test_the_last_window_moves_back_inside():
    protocol = WholeImage(window=(64, 64), stride=(42, 42))
    tops_lefts = [(top, left) for top, left, _, _ in protocol.windows(100, 150)]
    assert tops_lefts == [(top, left) for top in (0, 36) for left in (0, 42, 84, 86)]
    assert protocol.windows(40, 90) == [(0, 0, 40, 64), (0, 26, 40, 90)]
    assert protocol.windows(64, 64) == [(0, 0, 64, 64)]
    assert len(WholeImage().windows(100, 150)) == 1


def test_windows_are_averaged_where_they_overlap():
    values = iter((1.0, 3.0))
    protocol = WholeImage(window=(4, 4), stride=(4, 2))

    def network(image):
        return np.full((1, 1, 1, 1), next(values), np.float32)

    scores = protocol.scores(network, np.zeros((1, 3, 4, 6), np.float32)).all()
    np.testing.assert_allclose(scores[0, 0], [1, 1, 2, 2, 3, 3])
