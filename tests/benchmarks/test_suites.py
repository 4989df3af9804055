"""The rows of the suites of training and evaluation, over processes that only say that they worked."""

import pytest

from benchmarks.rounds import Turn
from benchmarks.rows import BYTES, RATE, SECONDS
from benchmarks.samples import Sample
from benchmarks.setting import Setting
from benchmarks.suites import evaluation, floor, maskclip_plus, pipeline, scaling, segformer, training

FACTS = {"flops": 1e9, "labels": 150, "images": 4, "crop": 480, "windows": 2}
SECONDS_OF = {
    "ours:matmul": 0.5,
    "training:step": 2.0,
    "peer_dpt:step": 4.0,
    "loader:epochs": 0.8,
    "ours:segformer": 0.3,
    "peer_segformer:forward": 0.6,
    "training:segformer_step": 3.0,
    "peer_segformer:step": 4.0,
    "training:maskclip_plus_step": 0.8,
}


class Fake:
    """A side or a team whose every call takes as long as `SECONDS_OF` says, or `taken`."""

    started = []

    def __init__(self, probe, taken=None, **arguments):
        self.probe, self.arguments, self.facts = probe, arguments, FACTS
        self.taken = SECONDS_OF.get(probe, 1.0) if taken is None else taken
        self.asked = []
        Fake.started.append(self)

    def sample(self, action="run", *, calls=1, warm=0):
        self.asked.append(action)
        return Sample((self.taken,) * calls, 1000, self.taken, None)

    def turn(self, action="run", *, calls=1, warm=1) -> Turn:
        return lambda: self.sample(action, calls=calls, warm=warm)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.asked.append("end")


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    """In place of processes; teams take 1 s alone, 1.25 s apart and 2 s joined."""
    Fake.started = []
    for suite in (training, pipeline, evaluation, segformer, maskclip_plus):
        monkeypatch.setattr(suite, "Side", lambda setting, probe, **arguments: Fake(probe, **arguments))

    def team(probe, count, *, joined, **arguments):
        return Fake(probe, 2.0 if joined else 1.0 + (count - 1) / 4, **arguments)

    monkeypatch.setattr(scaling, "Team", team)


def settings(quick):
    return Setting(threads=2, quick=quick)


def units(rows):
    return [row.unit for row in rows]


@pytest.mark.parametrize(("quick", "networks"), [(True, ["ViT-B/32"]), (False, ["ViT-B/32", "ViT-L/16"])])
def test_training_has_three_rows_a_network(quick, networks):
    rows = training.measure(settings(quick))
    assert units(rows) == [SECONDS, BYTES, SECONDS] * len(networks)
    assert [row.what.split()[1].strip(",") for row in rows[::3]] == networks
    assert {side.arguments["size"] for side in Fake.started if side.arguments} == {224 if quick else 480}
    for step, memory, compiling in zip(rows[::3], rows[1::3], rows[2::3], strict=True):
        assert (step.ratio, step.met, step.floor) == (0.5, True, 0.5)
        assert (memory.ratio, memory.goal) == (1.0, None)
        assert compiling.other_value is None and len(compiling.ours) == 1


def test_training_compiles_first_and_the_large_sides_are_never_there_at_once():
    training.measure(settings(quick=False))
    for side in Fake.started[1:]:
        assert side.asked[-1] == "end"
        assert ("compile" in side.asked[:1]) == (side.probe == "training:step")
    ours, theirs = (side for side in Fake.started if side.arguments.get("variant") == "clip_vitl16_384")
    assert (ours.probe, theirs.probe) == ("training:step", "peer_dpt:step")
    assert not training.LARGE.together and training.SMALL.together


@pytest.mark.parametrize("quick", [True, False])
def test_scaling_is_told_in_images_of_all_processes(quick):
    rows = scaling.measure(settings(quick))
    assert units(rows) == [RATE, RATE]
    efficiency, exchange = rows
    assert (efficiency.value, efficiency.other_value) == (2 * 4 / 2.0, 2 * 4 / 1.0)
    assert (efficiency.ratio, efficiency.met) == (0.5, False)
    assert (exchange.ratio, exchange.goal) == (0.625, None)


@pytest.mark.parametrize("quick", [True, False])
def test_pipeline_has_a_row_for_each_number_of_workers(quick):
    rows = pipeline.measure(settings(quick))
    assert units(rows) == [RATE] * 3
    assert [side.arguments["workers"] for side in Fake.started if side.probe == "loader:epochs"] == [0, 1, 2]
    for row in rows:
        assert (row.value, row.other_value, row.met) == (4 / 0.8, 1 / 2.0, True)
        assert row.goal.limit == 3 and row.goal.least


@pytest.mark.parametrize(("quick", "cases"), [(True, 2), (False, 3)])
def test_evaluation_has_two_rows_a_case(quick, cases):
    rows = evaluation.measure(settings(quick))
    assert units(rows) == [SECONDS, BYTES] * cases
    assert [side.arguments["protocol"] for side in Fake.started[1:]] == ["single", "lseg", "single"][:cases]
    assert all(side.asked[0] == "window" and "run" in side.asked for side in Fake.started[1:])
    assert all(row.floor == 0.5 for row in rows[::2])
    assert floor.PRODUCT not in [row.what for row in rows]


@pytest.mark.parametrize(("quick", "networks"), [(True, ["B0"]), (False, ["B0", "B5"])])
def test_segformer_has_four_rows_a_network(quick, networks):
    rows = segformer.measure(settings(quick))
    assert units(rows) == [SECONDS, SECONDS, BYTES, SECONDS] * len(networks)
    assert [row.what.split(",")[0] for row in rows[::4]] == [f"SegFormer-{name}" for name in networks]
    for forward, step, memory, compiling in zip(rows[::4], rows[1::4], rows[2::4], rows[3::4], strict=True):
        assert (forward.ratio, step.ratio, memory.goal) == (0.5, 0.75, None)
        assert forward.met and step.met and compiling.other_value is None
    for side in Fake.started:
        if side.probe == "training:segformer_step":
            assert side.asked[0] == "compile"


@pytest.mark.parametrize("quick", [True, False])
def test_maskclip_plus_is_told_in_seconds_and_in_images(quick):
    rows = maskclip_plus.measure(settings(quick))
    assert units(rows) == [SECONDS, RATE]
    assert (rows[0].value, rows[0].floor, rows[1].value) == (0.8, 0.5, 2 / 0.8)
    step = Fake.started[1]
    assert step.asked[0] == "compile" and {"run", "student"} <= set(step.asked)
