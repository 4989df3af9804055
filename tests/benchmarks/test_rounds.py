"""Turns, and which rounds count."""

from benchmarks.rounds import TRIES, alternate
from benchmarks.samples import CORES, Sample, others_share


def sample(seconds, share):
    return Sample((seconds,), 1, elapsed=1.0, others=None if share is None else share * CORES)


def test_sides_alternate():
    order = []
    turns = {name: lambda name=name: order.append(name) or sample(1.0, 0.0) for name in "ab"}
    measured = alternate(turns, 3)
    assert "".join(order) == "ababab"
    assert measured.seconds("a") == [1.0] * 3


def test_busy_rounds_are_made_again():
    shares = iter([0.0, 0.6, 0.0])
    measured = alternate({"a": lambda: sample(1.0, next(shares))}, 2)
    assert measured.others == 0.0
    assert next(shares, None) is None


def test_on_a_busy_machine_the_quietest_count_and_say_so():
    shares = [0.9, 0.3, 0.6, 0.5, 0.8, 0.4]
    queue = iter(shares)
    measured = alternate({"a": lambda: sample(share := next(queue), share)}, 2)
    assert len(shares) == TRIES * 2
    assert measured.seconds("a") == [0.3, 0.4]
    assert abs(measured.others - 0.35) < 1e-9


def test_where_the_system_does_not_tell_every_round_counts():
    measured = alternate({"a": lambda: sample(1.0, None)}, 2)
    assert len(measured.seconds("a")) == 2
    assert measured.others is None


def test_share_weighs_by_time():
    samples = [Sample((1.0,), 1, 3.0, 0.0), Sample((1.0,), 1, 1.0, 1.0 * CORES)]
    assert others_share(samples) == 0.25
