"""Optimizers as cells inside the compiled step; the learning rate is an input, so it compiles once.

Each is called with (gradients, lr): a tuple of float32 tensors as long as `parameters`, and the base rate,
a float32 scalar. What it returns is for `ops.depend`. The numbers are those of the torch optimizer of the
same name. In a group with `decay_unused=False` a parameter and its states rest while its gradient is all
zero, as in torch those do that were given no gradient.

Parameters are updated by maps, not by loops, which take the compiler three times as long. What a map gives
is used, by `ops.depend`: else the updates are dropped.
"""

import math
from collections.abc import Sequence

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops

from ms_ovs.training.groups import Group


class Optimizer(nn.Cell):
    """What all share: `parameters`, in the order of the groups, and what is known of each group."""

    def __init__(self, groups: Sequence[Group], *, weight_decay: float):
        super().__init__()
        self.parameters = ParameterTuple(p for group in groups for p in group.parameters)
        self.resting = tuple(p for g in groups if not g.settings.decay_unused for p in g.parameters)
        self.rules = tuple(_rules(groups, weight_decay))
        self.map = ops.HyperMap()
        self.add = ops.Add()
        self.multiply = ops.Mul()

    @property
    def states(self) -> list[Parameter]:
        """What is remembered from step to step: a resumed training needs it beside the weights."""
        weights = {id(parameter) for parameter in self.parameters}
        return [state for state in self.get_parameters() if id(state) not in weights]

    def construct(self, gradients, lr):
        steps = self.counted()
        done = lr
        for start, stop, rest_start, factor, decay, may_rest in self.rules:
            own, rate = gradients[start:stop], lr * factor
            if may_rest:
                moved = self.move_used(own, start, stop, rate, decay, rest_start)
            else:
                moved = self.move(own, start, stop, rate, decay, steps)
            done = ops.depend(done, moved)
        return done

    def counted(self):
        """The number of this step, where it matters."""
        return 0

    def decayed(self, gradients, start, decays):
        """The gradients and decay · w of one group."""
        parameters = self.parameters[start : start + len(gradients)]
        return self.map(self.add, gradients, self.map(self.multiply, parameters, decays))


class SGD(Optimizer):
    """m ← momentum · m + (g + decay · w); w ← w - lr · m. No dampening, no Nesterov.

    State: `momentum.NAME` for the parameter NAME.
    """

    def __init__(self, groups: Sequence[Group], *, momentum: float, weight_decay: float):
        super().__init__(groups, weight_decay=weight_decay)
        self.momenta = ParameterTuple(zeros_like(p, "momentum") for p in self.parameters)
        self.momentum = Tensor(momentum, ms.float32)

    def move(self, gradients, start, stop, rate, decay, steps):
        """The step of one group."""
        parameters, momenta = self.parameters[start:stop], self.momenta[start:stop]
        if decay != 0:
            gradients = self.decayed(gradients, start, (decay,) * len(gradients))
        return self.map(ops.partial(pushed, self.momentum, rate), parameters, momenta, gradients)

    def move_used(self, gradients, start, stop, rate, decay, rest_start):
        """The step of one group; a parameter without gradient keeps all of its momentum and does not move."""
        parameters, momenta = self.parameters[start:stop], self.momenta[start:stop]
        used = self.map(_used, gradients)
        if decay != 0:
            decays = self.map(self.multiply, used, (decay,) * len(gradients))
            gradients = self.decayed(gradients, start, decays)
        return self.map(ops.partial(pushed_if, self.momentum, rate), used, parameters, momenta, gradients)


def pushed(momentum, rate, parameter, state, gradient):
    """One parameter's step of `SGD`."""
    return ops.ApplyMomentum()(parameter, state, rate, gradient, momentum)


def pushed_if(momentum, rate, used, parameter, state, gradient):
    """The same where `used` is 1; where it is 0, nothing."""
    return pushed(momentum * used + (1 - used), rate * used, parameter, state, gradient)


class Adam(Optimizer):
    """m ← β₁ m + (1 - β₁) g; v ← β₂ v + (1 - β₂) g²; w ← w - lr · m̂ / (√v̂ + ε), where g includes decay · w.

    m̂ and v̂ are m and v over 1 - βᵗ, t the number of steps. States: `first.NAME` (m) and `second.NAME` (v)
    for the parameter NAME, `steps` (t), and `steps.NAME` for one that may rest, which has its own.
    """

    decoupled = False

    def __init__(
        self, groups: Sequence[Group], *, betas: tuple[float, float], epsilon: float, weight_decay: float
    ):
        super().__init__(groups, weight_decay=weight_decay)
        self.first = ParameterTuple(zeros_like(p, "first") for p in self.parameters)
        self.second = ParameterTuple(zeros_like(p, "second") for p in self.parameters)
        self.steps = _counter("steps")
        self.own_steps = ParameterTuple(_counter(f"steps.{p.name}") for p in self.resting)
        self.beta1, self.beta2 = (Tensor(beta, ms.float32) for beta in betas)
        # of the betas that the kernel computes with: 1 - 0.999 in float32 is off by 2e-5
        self.log1, self.log2 = (_logarithm(float(beta)) for beta in (self.beta1, self.beta2))
        self.epsilon = epsilon
        self.count = ops.AssignAdd()

    def counted(self):
        """t, from 1."""
        return self.count(self.steps, Tensor(1, ms.int32))

    def move(self, gradients, start, stop, rate, decay, steps):
        """The step of one group."""
        parameters = self.parameters[start:stop]
        first, second = self.first[start:stop], self.second[start:stop]
        if decay != 0 and self.decoupled:
            rate = ops.depend(rate, self.map(ops.partial(shrunk, rate * decay), parameters))
        elif decay != 0:
            gradients = self.decayed(gradients, start, (decay,) * len(gradients))
        rate, epsilon = self.corrected(steps, rate)
        step = ops.partial(stepped, self.beta1, self.beta2, rate, epsilon)
        return self.map(step, parameters, first, second, gradients)

    def move_used(self, gradients, start, stop, rate, decay, rest_start):
        """The step of one group; a parameter without gradient keeps all, and counts no step."""
        count = len(gradients)
        parameters = self.parameters[start:stop]
        first, second = self.first[start:stop], self.second[start:stop]
        used = self.map(_used, gradients)
        if decay != 0 and self.decoupled:
            rate = ops.depend(rate, self.map(ops.partial(shrunk_if, rate * decay), used, parameters))
        elif decay != 0:
            gradients = self.decayed(gradients, start, self.map(self.multiply, used, (decay,) * count))
        counters = self.own_steps[rest_start : rest_start + count]
        return self.map(
            ops.partial(self.stepped_if, rate), used, counters, parameters, first, second, gradients
        )

    def stepped_if(self, rate, used, counter, parameter, first, second, gradient):
        """One parameter's step with a counter of its own; where `used` is 0, none."""
        steps = self.count(counter, used.astype(ms.int32))
        rate, epsilon = self.corrected(ops.maximum(steps, 1), rate * used)  # before the first nothing moves
        beta1, beta2 = self.beta1 * used + (1 - used), self.beta2 * used + (1 - used)
        return stepped(beta1, beta2, rate, epsilon, parameter, first, second, gradient)

    def corrected(self, steps, rate):
        """Rate and ε with 1 - β₁ᵗ and √(1 - β₂ᵗ) in them: the kernel is left without powers of β."""
        steps = steps.astype(ms.float32)
        bias1, bias2 = -ops.expm1(steps * self.log1), ops.sqrt(-ops.expm1(steps * self.log2))
        return rate * bias2 / bias1, self.epsilon * bias2


def stepped(beta1, beta2, rate, epsilon, parameter, first, second, gradient):
    """One parameter's step of `Adam`."""
    none = Tensor(0.0, ms.float32)
    return ops.Adam()(parameter, first, second, none, none, rate, beta1, beta2, epsilon, gradient)


def shrunk(share, parameter):
    """w ← w - share · w."""
    return ops.assign_sub(parameter, parameter * share)


def shrunk_if(share, used, parameter):
    """The same where `used` is 1; where it is 0, nothing."""
    return shrunk(share * used, parameter)


class AdamW(Adam):
    """As `Adam`, with the decay apart from the moments: w ← w · (1 - lr · decay) before the step."""

    decoupled = True


def _rules(groups: Sequence[Group], weight_decay: float):
    """(first parameter, one behind the last, first of those that may rest, lr factor, decay, may rest)."""
    start = rest_start = 0
    for group in groups:
        rule, stop = group.settings, start + len(group.parameters)
        may_rest = not rule.decay_unused
        yield start, stop, rest_start, rule.lr_factor, weight_decay * rule.decay_factor, may_rest
        start, rest_start = stop, rest_start + may_rest * len(group.parameters)


def _used(gradient):
    """1, or 0 where the gradient is all zero. NaN is not zero; one axis sums three times faster than two."""
    return (ops.abs(gradient).reshape(-1).sum() != 0).astype(ms.float32)


def zeros_like(parameter: Parameter, kind: str) -> Parameter:
    """A state of the shape and dtype of the parameter NAME, all zero; it is called KIND.NAME."""
    return Parameter(ops.zeros_like(parameter), name=f"{kind}.{parameter.name}", requires_grad=False)


def _counter(name: str) -> Parameter:
    return Parameter(Tensor(0, ms.int32), name=name, requires_grad=False)


def _logarithm(beta: float) -> float:
    return math.log(beta) if beta > 0 else -math.inf
