"""Drawn photographs, and the loader that reads them."""

import numpy as np
from PIL import Image

from benchmarks import photos
from benchmarks.probes import loader


def test_pairs_are_as_large_as_those_of_ade20k(tmp_path):
    photos.write(tmp_path, 2)
    images = sorted((tmp_path / "images/training").iterdir())
    maps = sorted((tmp_path / "annotations/training").iterdir())
    assert [path.stem for path in images] == [path.stem for path in maps] == ["000000", "000001"]
    for path in (*images, *maps):
        assert Image.open(path).size == (683, 512)
    assert 5e4 < images[0].stat().st_size < 3e5  # neither noise nor a plain surface
    values = np.asarray(Image.open(maps[0]))
    assert values.dtype == np.uint8 and len(np.unique(values)) > 5 and values.max() <= 150


def test_every_call_reads_an_epoch(tmp_path, monkeypatch):
    photos.write(tmp_path, 3)
    probe = loader.epochs(str(tmp_path), workers=0)
    assert probe.facts == {"images": 3, "crop": 480}
    read = []
    monkeypatch.setattr(loader.RandomCrop, "__call__", lambda self, image, target, draws: read.append(
        draws.bit_generator.state["state"]["state"]) or (np.zeros(1), np.zeros(1)))  # fmt: skip
    probe.actions["run"]()
    probe.actions["run"]()
    assert len(read) == 6 == len(set(read))  # other crops in the second epoch
