"""Scoring data sets: whole, in parts, and with images that fail."""

from types import SimpleNamespace

import numpy as np
import pytest

from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import PROTOCOLS, Evaluation, Failure, ViewProtocol, evaluate, windowed
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.evaluation.sliding import SlidingWindow
from tests.worlds import in_threads

LABELS = ("dark", "light", "absent")


class Photos:
    """Grey noise whose truth is the lighter half; items may be replaced by errors or other truths."""

    def __init__(self, count=5, bad=()):
        self.bad = dict(bad)
        self.read = []
        self.images = np.random.default_rng(3).integers(0, 256, (count, 8, 6, 3), dtype=np.uint8)

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        self.read.append(index)
        fault = self.bad.get(index)
        if isinstance(fault, Exception):
            raise fault
        image = self.images[index]
        target = (image[..., 0] > 127).astype(np.int32)
        target[0] = -1
        return image, target if fault is None else fault

    def name(self, index):
        return f"photo-{index}"


def by_red(image, progress):
    """Right, except for the values 128 to 159."""
    if progress:
        progress(1, 2)
        progress(2, 2)
    return (image[..., 0] > 159).astype(np.int32)


def test_every_image_is_counted_once():
    data = Photos()
    result = evaluate(by_red, data, LABELS)
    assert (result.images, result.failed, result.failures) == (5, 0, [])
    red = data.images[:, 1:, :, 0]
    assert result.scores.ignored == 5 * 6 and result.scores.labelled == red.size
    assert result.scores.confusion[1, 0] == ((red > 127) & (red <= 159)).sum() > 0
    assert result.seconds > 0


def test_ranks_share_the_images():
    whole = evaluate(by_red, Photos(), LABELS)
    sets = [Photos(bad={4: UserError("gone")}) for _ in range(3)]
    parts = [evaluate(by_red, data, LABELS, rank=rank, ranks=3) for rank, data in enumerate(sets)]
    assert [data.read for data in sets] == [[0, 3], [1, 4], [2]]
    counts = sum(part.counts for part in parts)
    for part in parts:
        total = part.summed(counts)
        assert (total.images, total.failed) == (4, 1) and total.failures == part.failures
        assert total.scores.labelled < whole.scores.labelled
    assert parts[0].images == 2, "the rank's own evaluation stays as it was"
    good = [evaluate(by_red, Photos(), LABELS, rank=rank, ranks=3) for rank in range(3)]
    np.testing.assert_array_equal(good[0].summed(sum(part.counts for part in good)).counts, whole.counts)


@pytest.mark.parametrize(
    "bad", [{}, {1: UserError("weg: grün"), 2: UserError("x" * 300), 4: OSError("gone")}]
)
def test_every_process_gets_the_counts_and_failures_of_all(bad):
    def work(world):
        shares = {"rank": world.rank, "ranks": world.ranks}
        return evaluate(by_red, Photos(bad=bad), LABELS, **shares).together(world)

    alone = evaluate(by_red, Photos(bad=bad), LABELS)
    assert alone.together(World()).failures == alone.failures
    for together in in_threads(3, work):
        np.testing.assert_array_equal(together.counts, alone.counts)
        assert together.failures == alone.failures, "in the order of the data"


class Stopped(Exception):
    """The process is killed."""


@pytest.mark.parametrize("at", range(5))
def test_going_on_from_any_image_counts_every_one_once(at):
    bad = {1: UserError("gone"), 4: UserError("gone")}
    whole = evaluate(by_red, Photos(bad=bad), LABELS)
    met = []

    def stop(result):
        met.append((result.images + result.failed, result.seconds, result.counts))
        if len(met) == at + 1:
            raise Stopped

    begun, data = Evaluation(SemanticScores(LABELS)), Photos(bad=bad)
    with pytest.raises(Stopped):
        evaluate(by_red, data, LABELS, begun=begun, after=stop)
    assert [done for done, *_ in met] == list(range(1, at + 2))
    told = []
    result = evaluate(by_red, data, LABELS, begun=begun, progress=lambda *now: told.append(now))
    assert data.read == list(range(5)), "no image is read twice"
    np.testing.assert_array_equal(result.counts, whole.counts)
    assert result.failures == whole.failures
    assert result.seconds >= met[-1][1] > 0
    assert [done for done, *_ in told if done == int(done)][-1:] == ([] if at == 4 else [5])


BAD = {
    0: UserError("photo-0.png is damaged"),
    2: FileNotFoundError(2, "No such file"),
    3: np.full((8, 6), 3, np.int32),
    4: np.zeros((8, 8), np.int32),
}


def test_failures_are_collected():
    calls = []
    result = evaluate(lambda *given: calls.append(1) or by_red(*given), Photos(bad=BAD), LABELS)
    assert (result.images, result.failed, len(calls)) == (1, 4, 1)
    assert result.failures[0] == Failure(0, "photo-0", "photo-0.png is damaged")
    for failure, (index, name, words) in zip(
        result.failures[1:],
        [(2, "photo-2", "No such file"), (3, "photo-3", "class 3"), (4, "photo-4", "agree")],
        strict=True,
    ):
        assert (failure.index, failure.name) == (index, name) and words in failure.message


@pytest.mark.parametrize("index", BAD)
def test_strict_stops_at_the_first(index):
    data = Photos(bad={index: BAD[index]})
    with pytest.raises(UserError, match=f"^photo-{index}: "):
        evaluate(by_red, data, LABELS, strict=True)
    assert data.read[-1] == index


def test_what_the_model_raises_is_not_the_image_s_fault():
    def damaged(image, progress):
        raise UserError("not finite")

    with pytest.raises(UserError, match="not finite"):
        evaluate(damaged, Photos(), LABELS)


def test_progress_tells_windows_as_fractions():
    told = []
    data = Photos(count=2, bad={1: UserError("gone")})
    evaluate(by_red, data, LABELS, progress=lambda *now: told.append(now))
    first = [(done, 2, "photo-0") for done in (0, 0.5, 1, 1)]
    assert told == [*first, (2, 2, "photo-1")]


def test_windowed_runs_the_protocol_around_a_network():
    seen = []

    def network(window):
        """Three channels: dark, light, and light again for the second synonym."""
        seen.append(window.shape)
        return np.concatenate([-window[:, :1], window[:, :1] - 5, window[:, :1]], axis=1)

    config = SimpleNamespace(base_size=8, crop_size=8, mean=(0.5,) * 3, std=(0.25,) * 3)
    windows = ViewProtocol.of("single").windows(config)
    assert windows == SlidingWindow(8, 8, (1.0,), False, (0.5,) * 3, (0.25,) * 3, 1)
    assert ViewProtocol.of("single").windows(config, batch=4).batch == 4
    image = Photos().images[0]
    light = image[..., 0] > 127
    told = []
    plain = windowed(network, windows)(image, lambda *now: told.append(now))
    np.testing.assert_array_equal(plain, np.where(light, 2, 0))
    np.testing.assert_array_equal(windowed(network, windows, (0, 1, 1))(image, None), light)
    assert seen == [(1, 3, 8, 8)] * 2 and told == [(1, 1)]


def test_protocols():
    lseg = ViewProtocol.of("lseg")
    assert lseg is PROTOCOLS["lseg"] and lseg.flip and lseg.scales == (0.5, 0.75, 1, 1.25, 1.5, 1.75)
    assert ViewProtocol.of("lseg", [1.0], None) == ViewProtocol("custom", (1.0,), True)
    assert ViewProtocol.of("single", None, True) == ViewProtocol("custom", (1.0,), True)
    assert ViewProtocol.of("single", (1,), False).name == "single", "nothing differs"
    with pytest.raises(UserError, match="did you mean 'single'"):
        ViewProtocol.of("singel")
