"""What is dropped follows from seed, process, place and pass: a resumed training drops what it would have."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn

from ms_ovs.nn.drop import PRIME, ChannelDropout, CountedMask, DropPath, hashed
from ms_ovs.nn.layers import Linear
from ms_ovs.training import engine
from ms_ovs.training.settings import TrainSettings

X = np.random.default_rng(0).standard_normal((16, 4)).astype(np.float32)


class Net(nn.Cell):
    """The loss of two branches, each dropped in half of the samples."""

    def __init__(self):
        super().__init__()
        self.first, self.second = Linear(4, 4), Linear(4, 4)
        self.path, self.other = DropPath(0.5), DropPath(0.5)
        self.never = DropPath(0.0)

    def construct(self, x):
        x = x + self.path(self.first(x)) + self.never(x)
        return ((x + self.other(self.second(x))) ** 2).mean()


def settings(**changes):
    values = {
        "out": "out", "steps": 4, "batch_size": 16, "seed": 7,
        "optimizer": {"name": "adamw", "lr": 1e-2}, "groups": [{"pattern": "*"}],
        "schedule": {"name": "constant"}, **changes,
    }  # fmt: skip
    return TrainSettings.model_validate(values)


def built(rank=0, **changes):
    net = Net()
    rng = np.random.default_rng(1)
    for parameter in net.get_parameters():
        parameter.set_data(Tensor(rng.standard_normal(parameter.shape).astype(np.float32)))
    return net, engine.build(settings(**changes), net, net, rank=rank)


def losses(machinery, count):
    lr, last, told = Tensor(1e-2, ms.float32), Tensor(True), Tensor(0, ms.float32)
    return [float(machinery.step(lr, last, told, Tensor(X))[0]) for _ in range(count)]


def test_a_resumed_training_drops_what_it_would_have_dropped(mode):
    _, whole = built()
    expected = losses(whole, 4)
    first_net, first = built()
    assert losses(first, 2) == expected[:2]
    net, second = built()
    for old, new in ((first_net.parameters_dict(), net.parameters_dict()), (first.states, second.states)):
        for name, parameter in new.items():
            parameter.set_data(Tensor(old[name].asnumpy()))
    assert second.states["dropping.passes"].asnumpy() == [2]
    assert losses(second, 2) == expected[2:]


def test_every_pass_counts_and_seed_and_process_have_a_say(pynative):
    _, machinery = built(accumulate=2)
    one = losses(machinery, 3)
    assert machinery.states["dropping.passes"].asnumpy() == [3]
    assert len(set(one)) == 3
    assert losses(built()[1], 1) != losses(built(rank=1)[1], 1) != losses(built(seed=8)[1], 1)


def test_the_network_has_no_part_in_the_count(pynative):
    net, machinery = built()
    names = set(net.parameters_dict())
    assert names == {"first.weight", "first.bias", "second.weight", "second.bias"}
    assert isinstance(net.path.mask, CountedMask) and isinstance(net.never.mask, nn.Dropout)
    net.set_train(False)
    still = net(Tensor(X)).asnumpy()
    np.testing.assert_array_equal(net(Tensor(X)).asnumpy(), still)
    assert machinery.states["dropping.passes"].asnumpy() == [0]


@pytest.mark.parametrize("rate", [0.1, 0.5])
def test_draws_look_drawn(pynative, rate):
    """The share of what is dropped, and that no two parts, passes or places go together."""
    index = Tensor(np.arange(256).reshape(1, -1), ms.int64)
    passes = Tensor(np.arange(100).reshape(-1, 1), ms.int64)
    # (place, pass, part)
    drawn = np.array([hashed(index, passes, 12345 + key).asnumpy() for key in range(4)])
    assert drawn.min() >= 0 and drawn.max() < PRIME
    dropped = drawn / PRIME < rate
    assert dropped.mean() == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / dropped.size))
    for axis in range(3):
        pairs = (dropped & np.roll(dropped, 1, axis)).mean()
        assert pairs == pytest.approx(rate**2, abs=5 * rate / np.sqrt(dropped.size))


@pytest.mark.parametrize(("kind", "axes"), [(DropPath, 1), (ChannelDropout, 2)])
def test_parts_are_dropped_whole(pynative, kind, axes):
    passes = ms.Parameter(Tensor(np.zeros(1), ms.int32), requires_grad=False)
    place = kind(0.5).set_train(True)
    place.count(passes, 3)
    kept = place(Tensor(np.ones((8, 6, 2, 3), np.float32))).asnumpy()
    assert set(np.unique(kept)) == {0.0, 2.0}
    parts = kept.reshape(*kept.shape[:axes], -1)
    assert (parts == parts[..., :1]).all()
    passes.set_data(Tensor([1], ms.int32))
    assert (place(Tensor(np.ones((8, 6, 2, 3), np.float32))).asnumpy() != kept).any()
