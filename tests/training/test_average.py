"""The average of weights: its numbers, and that networks compute with it where asked."""

import mindspore as ms
import numpy as np
import pytest
from mindspore import Tensor, nn, ops

from ms_ovs.nn.layers import Linear, batch_norm
from ms_ovs.training.average import MovingAverage

X = np.arange(6, dtype=np.float32).reshape(2, 3)


class Net(nn.Cell):
    """A linear layer and a norm that is not averaged."""

    def __init__(self):
        super().__init__()
        self.fc = Linear(3, 2)
        self.norm = batch_norm(2)

    def construct(self, x):
        return self.fc(x)


class JitNet(Net):
    """The same, compiled in PyNative mode too."""

    @ms.jit
    def construct(self, x):
        return self.fc(x)


class Step(nn.Cell):
    """Every weight becomes `value`, then the average follows."""

    def __init__(self, average):
        super().__init__(auto_prefix=False)
        self.average = average

    def construct(self, value):
        done = value
        for parameter in self.average.parameters:
            done = ops.depend(done, ops.assign(parameter, ops.zeros_like(parameter) + value))
        return ops.depend(done, self.average())


def build(cls):
    net = cls()
    net.fc.weight.set_data(Tensor(np.ones((3, 2), np.float32)))
    return net, MovingAverage(net.trainable_params(), decay=0.75)


@pytest.mark.parametrize("cls", [Net, JitNet])
def test_averages_follow_and_take_the_place_of_weights(mode, cls):
    net, average = build(cls)
    assert [state.name for state in average.states] == [
        f"average.{name}" for name in ("fc.weight", "fc.bias", "norm.gamma", "norm.beta")
    ]
    x = Tensor(X)
    net(x)  # compiled before anything changes
    step = Step(average)
    expected = 1.0  # the weight's average; a bias starts at 0
    bias = 0.0
    for value in (3.0, 5.0):
        step(Tensor(value, ms.float32))
        expected, bias = 0.75 * expected + 0.25 * value, 0.75 * bias + 0.25 * value
    np.testing.assert_allclose(average.states[0].asnumpy(), expected, rtol=1e-6)

    rows = X.sum(1, keepdims=True).repeat(2, 1)
    np.testing.assert_allclose(net(x).asnumpy(), 5 * rows + 5, rtol=1e-6)
    with average.swapped():
        np.testing.assert_allclose(net(x).asnumpy(), expected * rows + bias, rtol=1e-6)
        np.testing.assert_allclose(net.fc.weight.asnumpy(), expected, rtol=1e-6)
    np.testing.assert_allclose(net(x).asnumpy(), 5 * rows + 5, rtol=1e-6)
    # training goes on from the weights, and the average from where it was
    step(Tensor(1.0, ms.float32))
    np.testing.assert_allclose(net(x).asnumpy(), rows + 1, rtol=1e-6)
    np.testing.assert_allclose(average.states[0].asnumpy(), 0.75 * expected + 0.25, rtol=1e-6)


def test_an_error_inside_brings_the_weights_back(mode):
    net, average = build(Net)
    Step(average)(Tensor(3.0, ms.float32))
    with pytest.raises(RuntimeError, match="evaluation"), average.swapped():
        raise RuntimeError("evaluation")
    np.testing.assert_array_equal(net.fc.weight.asnumpy(), np.full((3, 2), 3, np.float32))


def test_starts_at_the_weights_and_does_not_share_them(mode):
    net, average = build(Net)
    ops.assign(net.fc.weight, Tensor(np.zeros((3, 2), np.float32)))
    np.testing.assert_array_equal(average.states[0].asnumpy(), np.ones((3, 2), np.float32))
    assert not any(state.requires_grad for state in average.states)
