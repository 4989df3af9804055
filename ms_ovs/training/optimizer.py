"""Optimizers as cells inside the compiled step; the learning rate is an input, so it compiles once."""

from collections.abc import Sequence

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ms_ovs.training.groups import Group


class SGD(nn.Cell):
    """PyTorch's SGD: m ← momentum · m + (g + decay · w); w ← w - lr · m. No dampening, no Nesterov."""

    def __init__(self, groups: Sequence[Group], *, momentum: float, weight_decay: float):
        super().__init__()
        self.parameters = ParameterTuple(p for group in groups for p in group.parameters)
        self.momenta = ParameterTuple(_state(p, "momentum") for p in self.parameters)
        self.lr_factors = tuple(g.settings.lr_factor for g in groups for _ in g.parameters)
        self.decays = tuple(weight_decay * g.settings.decay_factor for g in groups for _ in g.parameters)
        self.momentum = Tensor(momentum, ms.float32)
        self.apply = ops.ApplyMomentum()

    def construct(self, gradients, lr):
        done = ()
        for index in range(len(self.parameters)):
            parameter = self.parameters[index]
            gradient = gradients[index] + self.decays[index] * parameter
            rate = lr * self.lr_factors[index]
            done = (*done, self.apply(parameter, self.momenta[index], rate, gradient, self.momentum))
        return done


def _state(parameter: Parameter, name: str) -> Parameter:
    return Parameter(ops.zeros_like(parameter), name=f"{name}.{parameter.name}", requires_grad=False)
