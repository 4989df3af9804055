"""Arrays through shared memory: whole, in order, and nothing left behind."""

import numpy as np
import pytest

from ms_ovs.data import parcels
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import Whole

ARRAYS = (
    np.random.default_rng(0).standard_normal((3, 50, 4001), np.float32),
    np.arange(40002, dtype=np.int32).reshape(2, -1),
    np.array([7, 8], np.int32),
)


def left():
    return {path.name for path in parcels.FOLDER.glob("psm_*")} if parcels.FOLDER.is_dir() else set()


def assert_same(found):
    for array, other in zip(found, ARRAYS, strict=True):
        np.testing.assert_array_equal(array, other)
        assert array.dtype == other.dtype


def test_there_and_back():
    before = left()
    packed = parcels.pack(ARRAYS)
    assert isinstance(packed, parcels.Parcel)
    found = parcels.unpack(packed)
    assert_same(found)
    assert all(array.flags.owndata for array in found)  # the block is gone
    parcels.pack(ARRAYS).discard()
    with pytest.raises(FileNotFoundError):
        packed.open()
    assert left() <= before


def test_small_ones_and_those_without_room_go_as_they_are(monkeypatch):
    assert parcels.pack(ARRAYS[2:]) == ARRAYS[2:]
    monkeypatch.setattr(parcels.shutil, "disk_usage", lambda folder: type("Usage", (), {"free": 10**5})())
    monkeypatch.setattr(parcels.Path, "is_dir", lambda self: True)
    assert isinstance(parcels.pack(ARRAYS), tuple)
    monkeypatch.undo()
    monkeypatch.setattr(parcels, "SharedMemory", lambda **_: (_ for _ in ()).throw(OSError("no room")))
    assert_same(parcels.unpack(parcels.pack(ARRAYS)))


class Photos:
    def __len__(self):
        return 40

    def __getitem__(self, index):
        return np.full((400, 400, 3), index, np.uint8), np.full((400, 400), index, np.int32)


def test_an_epoch_that_is_left_early_leaves_nothing():
    before = left()
    with Loader(Photos(), Whole(), batch_size=2, workers=2, shuffle=False) as loader:
        epoch = loader.epoch(0)
        assert next(epoch)[1][:, 0, 0].tolist() == [0, 1]
        epoch.close()
        assert [batch[1][0, 0, 0] for batch in loader.epoch(0, start=18)] == [36, 38]
    assert left() <= before
