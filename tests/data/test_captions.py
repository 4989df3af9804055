"""Images with sentences."""

import numpy as np
import pytest

from ms_ovs.data import shapes
from ms_ovs.data.captions import CaptionDataset
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import Shifted, normalise
from ms_ovs.errors import UserError


def lengths(texts):
    return np.array([[len(text), 0] for text in texts], np.int32)


def test_batches_of_images_and_tokens(tmp_path):
    root = shapes.write(tmp_path / "shapes", seed=0, train=0, val=0, captions=8, size=32).root
    dataset = CaptionDataset(root / "captions.jsonl", lengths)
    image, tokens = dataset[3]
    assert image.shape == (32, 32, 3) and tokens.tolist() == [len(dataset.captions[3]), 0]
    images, tokens = next(Loader(dataset, Shifted(), batch_size=4, shuffle=False).epoch(0))
    assert images.shape == (4, 3, 32, 32) and images.dtype == np.float32
    np.testing.assert_array_equal(tokens, dataset.tokens[:4])


def test_shifted_moves_and_mirrors():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), np.uint8)
    still = Shifted(mirror=0, shift=0)(image, np.zeros(2), np.random.default_rng(0))[0]
    np.testing.assert_array_equal(still, normalise(image, (0.5,) * 3, (0.5,) * 3))
    mirrored = Shifted(mirror=1, shift=0)(image, np.zeros(2), np.random.default_rng(0))[0]
    np.testing.assert_array_equal(mirrored, still[:, :, ::-1])
    moves = set()
    for seed in range(30):
        moved = Shifted(mirror=0, shift=0.1)(image, np.zeros(2), np.random.default_rng(seed))[0]
        (move,) = [
            (down, right)
            for down in range(-2, 3)
            for right in range(-3, 4)
            if np.array_equal(moved[:, 5:-5, 5:-5], np.roll(still, (down, right), (1, 2))[:, 5:-5, 5:-5])
        ]
        moves.add(move)
    assert len(moves) > 10


def test_errors(tmp_path):
    path = tmp_path / "captions.jsonl"
    with pytest.raises(UserError, match="captions .* no such file"):
        CaptionDataset(path, lengths)
    path.write_text("")
    with pytest.raises(UserError, match="is empty"):
        CaptionDataset(path, lengths)
    for line in ("nonsense", "[]", '{"image": "a"}', '{"image": "a", "caption": 3}'):
        path.write_text('{"image": "a", "caption": "b"}\n' + line)
        with pytest.raises(UserError, match="line 2 is"):
            CaptionDataset(path, lengths)
    path.write_text('{"image": "a.jpg", "caption": "b"}')
    with pytest.raises(UserError, match="is gone"):
        CaptionDataset(path, lengths)[0]
