"""Counts of an evaluation that is under way: kept, taken up, and refused where they are another's."""

import numpy as np
import pytest

from ms_ovs.errors import UserError
from ms_ovs.evaluation import partial
from ms_ovs.evaluation.evaluate import Evaluation, Failure
from ms_ovs.evaluation.partial import Partial, differing
from ms_ovs.evaluation.semantic import SemanticScores

IDENTITY = {"checkpoint": "c0ffee", "scales": [1.0, 0.5]}


def blank(labels=3):
    return Evaluation(SemanticScores([str(number) for number in range(labels)]))


@pytest.fixture
def kept(tmp_path):
    """What was kept of 7 images, of which one failed."""
    result = blank()
    result.scores.update(np.arange(2**12) % 3, np.arange(2**12) % 4 - 1)
    result.images, result.failed, result.seconds = 6, 1, 12.5
    result.failures = [Failure(4, "größe", "is gone")]
    Partial(tmp_path / "new/partial.npz", IDENTITY).save(result)
    return result


@pytest.fixture
def path(tmp_path):
    return tmp_path / "new/partial.npz"


def test_taken_up_to_the_last_count(kept, path):
    begun = Partial(path, IDENTITY).load(blank(), 7)
    np.testing.assert_array_equal(begun.counts, kept.counts)
    assert (begun.failures, begun.seconds) == (kept.failures, 12.5)
    assert [file.name for file in path.parent.iterdir()] == ["partial.npz"], "nothing half-written"


def test_nothing_was_kept(path):
    empty = blank()
    assert Partial(path, IDENTITY).load(empty, 7) is empty


def test_kept_every_so_often(path, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(partial.time, "monotonic", lambda: now[0])
    keeper, result = Partial(path, IDENTITY), blank()
    for seconds, images in ((29, None), (31, 2), (45, 2), (62, 4)):
        now[0] = 100.0 + seconds
        result.images += 1
        keeper.keep(result)
        if images is None:
            assert not path.exists()
        else:
            assert keeper.load(blank(), 9).images == images


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"checkpoint": "other"}, "other checkpoint"),
        ({"checkpoint": "other", "data": "x"}, "other checkpoint, data"),
        ({"scales": [1.0]}, "other scales"),
    ],
)
def test_of_something_else(kept, path, change, said):
    with pytest.raises(UserError, match=f"partial.npz is of {said}$"):
        Partial(path, IDENTITY | change).load(blank(labels=5), 7)


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text"])
def test_damaged_files(kept, path, damage):
    data = bytearray(path.read_bytes())
    if damage == "cut":
        data = data[: len(data) // 2]
    elif damage == "flip":
        place = data.index(b"counts.npy") + 60
        data[place] ^= 255
    else:
        data = {"empty": b"", "text": b"no numbers"}[damage]
    path.write_bytes(data)
    with pytest.raises(UserError, match=r"partial.npz is damaged \(.+\)"):
        Partial(path, IDENTITY).load(blank(), 7)


def test_counts_that_cannot_be(kept, path):
    with pytest.raises(UserError, match="not those of 6 images"):
        Partial(path, IDENTITY).load(blank(), 6)
    with pytest.raises(UserError, match="is damaged"):
        Partial(path, IDENTITY).load(blank(labels=4), 7)


def test_differing():
    assert differing(IDENTITY, dict(IDENTITY)) == ""
    assert differing(IDENTITY, {"checkpoint": "c0ffee", "more": 1}) == "scales, more"
    assert differing(IDENTITY, None) == "checkpoint, scales"
