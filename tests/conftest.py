"""Execution modes, and a segmentation model small enough to foresee: it knows four colours by name."""

import re
from types import SimpleNamespace

import numpy as np
import pytest

COLOURS = {"red": (1, -1, -1), "green": (-1, 1, -1), "blue": (-1, -1, 1), "crimson": (1.1, -1, -1)}
END = 9999


def tokenize(texts):
    """One id for the colour that a text names, between a start and an end."""
    from ms_ovs.errors import UserError

    rows = np.zeros((len(texts), 77), np.int32)
    for row, text in zip(rows, texts, strict=True):
        if len(text) > 77:
            raise UserError(f"text {text[:9]!r}… is too long")
        words = re.findall(r"\w+", text)
        row[:3] = 1, 2 + next(number for number, name in enumerate(COLOURS) if name in words), END
    return rows


class ColourModel:
    """Scores (1,C,H,W): the product of pixels (1,3,H,W) and the colours (C,3) that the words name."""

    config = SimpleNamespace(mean=(0.5,) * 3, std=(0.5,) * 3, base_size=52, crop_size=48)

    def __init__(self):
        self.calls, self.encoded, self.compiled = [], 0, []

    def encode_text(self, tokens):
        self.encoded += 1
        table = np.array(list(COLOURS.values()), np.float32)
        return table[tokens[:, 1] - 2]

    def compile(self, image, text):
        self.compiled.append((image.shape, text.shape))

    def __call__(self, image, text):
        import mindspore as ms

        self.calls.append(image.shape)
        return ms.Tensor(np.einsum("bchw,nc->bnhw", image.asnumpy(), text.asnumpy()))


@pytest.fixture(params=["graph", "pynative"])
def mode(request):
    """Both execution modes, one after the other; graph mode is what remains set."""
    from ms_ovs import runtime

    runtime.setup("CPU", request.param)
    yield request.param
    runtime.setup("CPU", "graph")


@pytest.fixture
def colour_model(monkeypatch, tmp_path):
    """The model, in place of what `Segmenter` would load, tokenise with and set up."""
    from ms_ovs import api

    model = ColourModel()
    found = SimpleNamespace(sha256="c0ffee", system="lseg", variant="colours")
    monkeypatch.setattr(api, "load_model", lambda path, system: (model, found))
    monkeypatch.setattr(api, "Tokenizer", lambda merges: tokenize)
    monkeypatch.setattr(api.runtime, "setup", lambda device, mode, fallback: device)
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "cache"))
    return model


@pytest.fixture
def flag():
    """uint8 (60,90,3): a red, a green and a blue stripe, upright, of 1/3, 1/2 and 1/6 of the width."""
    image = np.zeros((60, 90, 3), np.uint8)
    image[:, :30, 0] = image[:, 30:75, 1] = image[:, 75:, 2] = 255
    return image
