"""The evaluator against the authors' numbers, and its banded label map against its scores."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import fft

from ms_ovs.evaluation import sliding
from ms_ovs.evaluation.sliding import SlidingWindow, first_highest
from ms_ovs.parity.case import Case
from ms_ovs.parity.fill import make_input

CASE = Path(__file__).parents[1] / "reference" / "lseg" / "multi_eval"
SCALES = (0.5, 0.75, 1.0, 1.25, 1.5, 1.75)
CITYSCAPES = (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25)
OUTPUTS = {
    "scores": ("input:image", SCALES, True),
    "scores_tall": ("input:image_tall", SCALES, True),
    "scores_small": ("input:image_small", SCALES, True),
    "scores_scale_1.0": ("input:image", (1.0,), True),
    "scores_scale_1.75_noflip": ("input:image", (1.75,), False),
    "scores_citys": ("input:image", CITYSCAPES, True),
}


@pytest.fixture(scope="module")
def case():
    return json.loads((CASE / "case.json").read_text())


@pytest.fixture(scope="module")
def standin():
    """tanh(convolution 7×7), the network of the case, by Fourier transform."""
    weights = Case.open(CASE).weights()
    weight, bias = weights["standin.weight"].read(), weights["standin.bias"].read()
    side = fft.next_fast_len(480 + 6, real=True)
    # A network correlates: its kernel, turned round, is what a convolution takes.
    kernel = fft.rfft2(weight[:, :, ::-1, ::-1], (side, side))

    def network(windows):
        assert windows.shape[1:] == (3, 480, 480), "the network has one static size"
        assert windows.dtype == np.float32 and windows.flags.c_contiguous
        product = [(kernel * fft.rfft2(window, (side, side))).sum(1) for window in windows]
        return np.tanh(fft.irfft2(product, (side, side))[..., 3:483, 3:483] + bias[:, None, None])

    return network


@pytest.mark.parametrize(("name", "batch"), [*((name, 1) for name in OUTPUTS), ("scores_tall", 3)])
def test_scores_are_the_authors(case, standin, name, batch):
    source, scales, flip = OUTPUTS[name]
    image = make_input(source, case["inputs"][source])
    stored = np.load(CASE / "outputs.npz")
    scores = SlidingWindow(scales=scales, flip=flip, batch=batch).scores(standin, image)
    assert scores.dtype == np.float32 and scores.shape == (1, 8, *image.shape[2:])
    ours = scores[tuple(slice(None, None, step) for step in stored[f"{name}.stride"])]
    assert np.abs(ours - stored[name]).max() / stored[name].std() < 1e-4


@pytest.mark.parametrize("source", ["input:image", "input:image_tall", "input:image_small"])
def test_geometry_is_the_authors(case, source):
    size = case["inputs"][source]["shape"][2:]
    window = SlidingWindow(scales=SCALES, flip=True)
    ours = [
        {
            "resized_height_width": list(g.size),
            "padded": list(g.padded),
            "windows_down_across": list(g.windows),
            "network_calls": 2 * g.windows[0] * g.windows[1],
        }
        for g in window.geometry(*size)
    ]
    assert ours == [{key: row[key] for key in ours[0]} for row in case["geometry"][source]]
    assert window.calls(*size) == sum(row["network_calls"] for row in case["geometry"][source])


def tiny_network(windows):
    """Scores of 3 channels that depend on place and colour."""
    place = np.linspace(-1, 1, windows.shape[2], dtype=np.float32)
    red, green, blue = windows.swapaxes(0, 1)
    return np.stack([red * place, green - place[:, None], np.sin(3 * blue)], axis=1)


@pytest.mark.parametrize("size", [(50, 70), (70, 50), (24, 24), (200, 30), (3, 90)])
@pytest.mark.parametrize("settings", [{}, {"base_size": 70}, {"scales": (0.5, 1.25), "flip": True}])
@pytest.mark.parametrize("band", [1, 5000])
def test_label_map_is_the_argmax_of_the_scores(monkeypatch, size, settings, band):
    monkeypatch.setattr(sliding, "BAND_BYTES", band)
    monkeypatch.setattr(sliding, "ROWS", 5)
    window = SlidingWindow(**{"base_size": 52, "crop_size": 24} | settings)
    image = np.random.default_rng(0).standard_normal((1, 3, *size), dtype=np.float32)
    label_map = window.label_map(tiny_network, image)
    assert label_map.shape == size and label_map.dtype == np.int32
    np.testing.assert_array_equal(label_map, window.scores(tiny_network, image)[0].argmax(0))
    assert len(np.unique(label_map)) == 3


def test_windows_at_their_own_size_are_averaged_where_they_overlap():
    calls = []

    def count(window):
        calls.append(window)
        return np.full((1, 1, 24, 24), len(calls), np.float32)

    # stride 16: windows 1 and 2 on columns 0–24 and 16–40
    scores = SlidingWindow(base_size=40, crop_size=24).scores(count, np.zeros((1, 3, 24, 40), np.float32))
    np.testing.assert_array_equal(scores[0, 0, 0], [1] * 16 + [1.5] * 8 + [2] * 16)


def test_padding_is_black_and_the_image_stands_top_left():
    seen = []

    def look(window):
        seen.append(window[0])
        return window

    mean, std = (0.5, 0.4, 0.3), (0.5, 0.2, 0.1)
    image = np.ones((1, 3, 12, 24), np.float32)
    scores = SlidingWindow(base_size=24, crop_size=24, mean=mean, std=std).scores(look, image)
    assert len(seen) == 1
    assert (seen[0][:, :12] == 1).all()
    np.testing.assert_allclose(
        seen[0][:, 12:], np.broadcast_to([[[-1]], [[-2]], [[-3]]], (3, 12, 24)), rtol=1e-6
    )
    np.testing.assert_array_equal(scores, image)


def test_progress_counts_every_call():
    told = []
    window = SlidingWindow(base_size=60, crop_size=24, flip=True)
    window.label_map(tiny_network, np.zeros((1, 3, 40, 60), np.float32), lambda *now: told.append(now))
    total = window.calls(40, 60)
    assert told == [(done, total) for done in range(1, total + 1)]


def test_ties_go_to_the_first_channel():
    scores = np.array([[[0.0, 2, 1]], [[0, 1, 3]], [[0, 2, 3]]], np.float32)
    np.testing.assert_array_equal(first_highest(scores), [[0, 0, 1]])


def test_a_photograph_narrower_than_a_pixel_still_has_one():
    assert SlidingWindow().geometry(5000, 1)[0].size == (520, 1)


@pytest.mark.parametrize("size", [(50, 70), (200, 30), (24, 24)])
@pytest.mark.parametrize("flip", [False, True])
@pytest.mark.parametrize("batch", [2, 3, 4, 7])
def test_batches_change_nothing_but_the_calls(size, flip, batch):
    image = np.random.default_rng(0).standard_normal((1, 3, *size), dtype=np.float32)
    settings = {"base_size": 90, "crop_size": 24, "scales": (0.5, 1.0), "flip": flip}
    seen, told = [], []

    def network(windows):
        seen.append(windows.shape)
        return tiny_network(windows)

    window = SlidingWindow(**settings, batch=batch)
    scores = window.scores(network, image, lambda *now: told.append(now))
    np.testing.assert_array_equal(scores, SlidingWindow(**settings).scores(tiny_network, image))
    assert seen == [(batch, 3, 24, 24)] * window.calls(*size), "always full, so that one graph serves"
    assert told == [(done, len(seen)) for done in range(1, len(seen) + 1)]
    assert len(seen) < SlidingWindow(**settings).calls(*size) or (size == (200, 30) and not flip)


def test_the_windows_of_a_row_share_batches_with_their_mirror_images():
    # 4 windows across, 1 down: 8 views are 3 batches of 3, the last filled up
    window = SlidingWindow(base_size=72, crop_size=24, flip=True, batch=3)
    assert window.geometry(24, 72)[0].windows == (1, 4) and window.calls(24, 72) == 3
    seen = []
    image = np.random.default_rng(0).standard_normal((1, 3, 24, 72), dtype=np.float32)
    window.scores(lambda windows: seen.append(windows) or tiny_network(windows), image)
    views = np.concatenate(seen)
    np.testing.assert_array_equal(views[1], views[0][:, :, ::-1])
    np.testing.assert_array_equal(views[8], views[7])
