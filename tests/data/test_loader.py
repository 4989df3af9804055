"""Batches do not depend on workers, on where an epoch is taken up, or on broken files."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from dataclasses import dataclass, field

import numpy as np
import pytest

from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import RandomCrop, Whole
from ms_ovs.errors import UserError

TRANSFORM = RandomCrop(base_size=20, crop_size=12)


@dataclass
class Numbers:
    """Sample n shows n; those of `bad` cannot be read, and at `deadly` the process ends."""

    count: int = 10
    bad: set = field(default_factory=set)
    deadly: int = -1

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        if index in self.bad:
            raise UserError(f"image {index} is gone")
        if index == self.deadly:
            os._exit(3)
        return np.full((4, 4, 3), index, np.uint8), np.full((4, 4), index, np.int32), index + 100


def loader(dataset, transform=Whole(), **options):
    return Loader(dataset, transform, **{"batch_size": 2, "shuffle": False, **options})


def shown(batches):
    return [batch[1][:, 0, 0].tolist() for batch in batches]


def same(ours, theirs):
    return len(ours) == len(theirs) and all(
        all(np.array_equal(a, b) for a, b in zip(x, y, strict=True))
        for x, y in zip(ours, theirs, strict=True)
    )


@pytest.fixture
def photos(folder):
    return FolderDataset(folder.settings)


def test_batches(photos):
    with Loader(photos, TRANSFORM, batch_size=4, seed=7) as data:
        batches = list(data.epoch(0))
    assert len(batches) == len(data) == 2
    images, targets = batches[0]
    assert images.shape == (4, 3, 12, 12) and images.dtype == np.float32
    assert targets.shape == (4, 12, 12) and targets.dtype == np.int32


def test_what_the_data_set_adds():
    _, _, others = next(loader(Numbers()).epoch(0))
    assert others.tolist() == [100, 101] and others.dtype == np.int32


def test_workers_change_nothing_and_an_epoch_can_be_taken_up_anywhere(photos):
    options = dict(batch_size=2, seed=7)
    alone = Loader(photos, TRANSFORM, **options)
    first, second = list(alone.epoch(0)), list(alone.epoch(1))
    assert not same(first, second)
    with Loader(photos, TRANSFORM, workers=2, **options) as many:
        assert same(list(many.epoch(0)), first)
        assert same(list(many.epoch(1, start=2)), second[2:])
        half = many.epoch(1)  # an epoch that is left early
        assert same([next(half)], second[:1])
        half.close()
        assert same(list(many.epoch(0, start=3)), first[3:])
    assert same(list(alone.epoch(0, start=1)), first[1:])
    assert list(alone.epoch(0, start=4)) == []


def test_chance_differs_by_sample_and_epoch():
    image = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)

    class Same(Numbers):
        def __getitem__(self, index):
            return image, np.zeros((40, 40), np.int32)

    data = Loader(Same(6), RandomCrop(base_size=40, crop_size=12), batch_size=6, seed=0)
    seen = {sample.tobytes() for epoch in (0, 1) for sample in next(data.epoch(epoch))[0]}
    assert len(seen) == 12


def test_two_ranks_are_one_with_the_doubled_batch(photos):
    whole = list(Loader(photos, TRANSFORM, batch_size=4, seed=1).epoch(3))
    parts = [
        list(Loader(photos, TRANSFORM, batch_size=2, seed=1, rank=rank, ranks=2).epoch(3)) for rank in (0, 1)
    ]
    joined = [tuple(map(np.concatenate, zip(*pair, strict=True))) for pair in zip(*parts, strict=True)]
    assert same(whole, joined)


def test_evaluation_has_no_repeats():
    data = [loader(Numbers(7), drop_last=False, rank=rank, ranks=2) for rank in (0, 1)]
    assert [shown(one.epoch(0)) for one in data] == [[[0, 2], [4, 6]], [[1, 3], [5]]]
    assert [len(one) for one in data] == [2, 2]


@pytest.mark.parametrize("workers", [0, 1])
def test_a_bad_sample_stops_or_is_replaced_or_left_out(workers):
    bad = Numbers(6, bad={1, 2, 5})
    with loader(bad, workers=workers) as stops, pytest.raises(UserError, match="image 1 is gone"):
        list(stops.epoch(0))
    with loader(bad, workers=workers, on_error="skip") as fills:
        assert shown(fills.epoch(0)) == [[0, 3], [3, 3], [4, 0]]
        assert fills.skipped == [f"image {n} is gone" for n in (1, 2, 2, 5)]
    with loader(Numbers(6, bad={1, 2, 3}), workers=workers, on_error="skip", drop_last=False) as leaves_out:
        assert shown(leaves_out.epoch(0)) == [[0], [4, 5]]
        assert len(leaves_out.skipped) == 3


def test_nothing_can_be_read():
    data = loader(Numbers(4, bad={0, 1, 2, 3}), on_error="skip")
    with pytest.raises(UserError, match="none of the 4 samples can be read; the last says: image 3 is gone"):
        next(data.epoch(0))
    assert list(loader(Numbers(4, bad={0, 1, 2, 3}), on_error="skip", drop_last=False).epoch(0)) == []


def test_a_vanished_photograph_is_named(photos):
    photos.images[4].unlink()
    data = Loader(photos, TRANSFORM, batch_size=3, shuffle=False)
    with pytest.raises(UserError, match=f"{photos.images[4].name}' is gone"):
        list(data.epoch(0))


def test_errors(folder):
    with pytest.raises(UserError, match="5 samples are fewer than a batch of 4 on each of 2 processes"):
        loader(Numbers(5), batch_size=4, ranks=2)
    with pytest.raises(UserError, match="unknown on_error 'skp': did you mean 'skip'"):
        loader(Numbers(), on_error="skp")

    class Sizes(Numbers):
        def __getitem__(self, index):
            return np.zeros((4 + index, 4, 3), np.uint8), np.zeros((4 + index, 4), np.int32)

    with pytest.raises(UserError, match=r"different sizes \(\(3, 4, 4\), \(3, 5, 4\)\): set batch_size 1"):
        next(loader(Sizes()).epoch(0))


def test_a_dead_worker_is_no_hang():
    with loader(Numbers(deadly=3), workers=1) as data, pytest.raises(UserError, match="a data worker died"):
        list(data.epoch(0))


def test_workers_need_no_mindspore_and_end_with_a_killed_parent(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import os, sys, time
            import numpy as np
            from ms_ovs.data.loader import Loader
            from ms_ovs.data.transforms import Whole

            class Pids:
                def __len__(self):
                    return 2
                def __getitem__(self, index):
                    assert "mindspore" not in sys.modules
                    return np.zeros((1, 1, 3), np.uint8), np.zeros((1, 1), np.int32), os.getpid()

            if __name__ == "__main__":
                loader = Loader(Pids(), Whole(), batch_size=1, workers=1)
                print(next(loader.epoch(0))[2][0], flush=True)
                time.sleep(60)
            """
        )
    )
    parent = subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,  # Python's own remarks about a killed program
        text=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    with parent.stdout:
        worker = int(parent.stdout.readline())
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    for _ in range(100):
        if not alive(worker):
            return
        time.sleep(0.05)
    os.kill(worker, signal.SIGKILL)
    pytest.fail("the worker outlived its parent")


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
