"""SGD, Adam and AdamW against torch's, with groups, and with parameters that the loss does not reach."""

import mindspore as ms
import numpy as np
import pytest
import torch
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.training.groups import Group, GroupSettings, group
from ms_ovs.training.optimizer import SGD, Adam, AdamW
from tests.modes import both

RNG = np.random.default_rng(0)
SHAPES = {"body.weight": (5, 7), "body.bias": (7,), "head.weight": (3, 4, 2)}
START = {name: RNG.standard_normal(shape).astype(np.float32) for name, shape in SHAPES.items()}
# gradients of very different sizes: the smallest show where ε stands
GRADIENTS = [
    {
        name: (RNG.standard_normal(shape) * 10.0 ** RNG.integers(-8, 1, shape)).astype(np.float32)
        for name, shape in SHAPES.items()
    }
    for _ in range(6)
]
RATES = (0.1, 0.1, 0.05, 0.02, 0.02, 0.01)
DECAY = 0.1
RULES = (GroupSettings(pattern="*.bias", lr_factor=10.0, decay_factor=0.0),
         GroupSettings(pattern="head.*", lr_factor=0.5, decay_factor=3.0),
         GroupSettings(pattern="*"))  # fmt: skip

OURS = {
    "sgd": lambda groups: SGD(groups, momentum=0.9, weight_decay=DECAY),
    "adam": lambda groups: Adam(groups, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=DECAY),
    "adamw": lambda groups: AdamW(groups, betas=(0.9, 0.999), epsilon=1e-8, weight_decay=DECAY),
    "adamw_0_99": lambda groups: AdamW(groups, betas=(0.0, 0.99), epsilon=1e-3, weight_decay=DECAY),
}
THEIRS = {
    "sgd": lambda groups: torch.optim.SGD(groups, momentum=0.9),
    "adam": lambda groups: torch.optim.Adam(groups, betas=(0.9, 0.999), eps=1e-8),
    "adamw": lambda groups: torch.optim.AdamW(groups, betas=(0.9, 0.999), eps=1e-8),
    "adamw_0_99": lambda groups: torch.optim.AdamW(groups, betas=(0.0, 0.99), eps=1e-3),
}
STATES = {"momentum": "momentum_buffer", "first": "exp_avg", "second": "exp_avg_sq"}


class Weights(nn.Cell):
    """Parameters and nothing else."""

    def __init__(self):
        super().__init__()
        for name, value in START.items():
            self.insert_param_to_cell(name, Parameter(Tensor(value), name=name), check_name_contain_dot=False)


class Step(nn.Cell):
    """An optimizer, called as a compiled step calls it."""

    def __init__(self, optimizer):
        super().__init__(auto_prefix=False)
        self.optimizer = optimizer

    def construct(self, lr, *gradients):
        return ops.depend(lr, self.optimizer(gradients, lr))


def run(optimizer, steps):
    step = Step(optimizer)
    for rate, gradients in steps:
        values = [Tensor(gradients[parameter.name]) for parameter in optimizer.parameters]
        step(Tensor(rate, ms.float32), *values)


def ours(name, rules, steps):
    """Weights and states after the steps, by name."""
    net = Weights()
    optimizer = OURS[name](group(net, rules))
    run(optimizer, steps)
    weights = {parameter.name: parameter.asnumpy() for parameter in net.get_parameters()}
    return weights, {state.name: state.asnumpy() for state in optimizer.states}


def theirs(name, steps):
    """The same of torch; a gradient of zeros is none."""
    peers = {key: torch.tensor(value, requires_grad=True) for key, value in START.items()}
    factors = {"body.bias": (10.0, 0.0), "head.weight": (0.5, 3.0), "body.weight": (1.0, 1.0)}
    optimizer = THEIRS[name](
        [{"params": [peers[key]], "lr": 1.0, "weight_decay": DECAY * factors[key][1]} for key in peers]
    )
    for rate, gradients in steps:
        for torch_group, key in zip(optimizer.param_groups, peers, strict=True):
            torch_group["lr"] = rate * factors[key][0]
            peers[key].grad = torch.from_numpy(gradients[key].copy()) if gradients[key].any() else None
        optimizer.step()
    return {key: peer.detach().numpy() for key, peer in peers.items()}, {
        f"{kind}.{key}": optimizer.state[peers[key]][torch_kind].numpy()
        for key in peers
        for kind, torch_kind in STATES.items()
        if torch_kind in optimizer.state[peers[key]]
    }


def compare(mine, peer):
    for key, value in peer.items():
        np.testing.assert_allclose(mine[key], value, rtol=2e-5, atol=2e-7, err_msg=key)


@both(OURS, seldom=["adamw_0_99"])
def test_steps_are_those_of_torch(mode, name):
    steps = list(zip(RATES, GRADIENTS, strict=True))
    weights, states = ours(name, RULES, steps)
    torch_weights, torch_states = theirs(name, steps)
    compare(weights, torch_weights)
    compare(states, torch_states)
    assert set(states) - {"steps"} == set(torch_states)
    if name != "sgd":
        assert states["steps"] == len(steps)


@both(OURS, seldom=["adamw_0_99"])
def test_parameters_without_gradient_rest(mode, name):
    none = {key: np.zeros(shape, np.float32) for key, shape in SHAPES.items()}
    unreached = [
        {**GRADIENTS[0], "body.weight": none["body.weight"]},
        GRADIENTS[1],
        {**GRADIENTS[2], "head.weight": none["head.weight"]},
        none,
        GRADIENTS[4],
    ]
    steps = list(zip(RATES[:5], unreached, strict=True))
    rules = [rule.model_copy(update={"decay_unused": False}) for rule in RULES]
    weights, states = ours(name, rules, steps)
    torch_weights, torch_states = theirs(name, steps)
    compare(weights, torch_weights)
    compare(states, torch_states)
    if name != "sgd":
        assert [int(states[f"steps.{key}"]) for key in SHAPES] == [3, 4, 3]


def test_without_the_rule_what_has_no_gradient_decays(mode):
    none = {key: np.zeros(shape, np.float32) for key, shape in SHAPES.items()}
    weights, _ = ours("adamw", RULES, [(0.1, none)])
    np.testing.assert_allclose(weights["body.weight"], START["body.weight"] * 0.99, rtol=1e-6)
    np.testing.assert_array_equal(weights["body.bias"], START["body.bias"])  # its decay factor is 0


def test_a_gradient_that_is_no_number_does_not_pass_as_none(mode):
    gradients = {key: np.full(shape, np.nan, np.float32) for key, shape in SHAPES.items()}
    weights, _ = ours("sgd", [GroupSettings(pattern="*", decay_unused=False)], [(0.1, gradients)])
    assert np.isnan(weights["body.bias"]).all()


@both(["sgd", "adam"], seldom=["sgd"])
def test_states_carry_a_training_on(mode, name):
    steps = list(zip(RATES, GRADIENTS, strict=True))
    whole, _ = ours(name, RULES, steps)

    net = Weights()
    first = OURS[name](group(net, RULES))
    run(first, steps[:3])
    second = OURS[name](group(net, RULES))
    for state, old in zip(second.states, first.states, strict=True):
        assert state.name == old.name and not state.requires_grad
        state.set_data(Tensor(old.asnumpy()))
    run(second, steps[3:])
    for parameter in net.get_parameters():
        np.testing.assert_allclose(parameter.asnumpy(), whole[parameter.name], rtol=1e-6)


@pytest.mark.slow
def test_more_parameters_than_the_compiler_goes_deep():
    # a SegFormer-B5 has 1069, the compiler's limit is 1000 calls within each other
    parameters = tuple(
        Parameter(Tensor([float(index)], ms.float32), name=f"p{index}") for index in range(1100)
    )
    groups = [Group(GroupSettings(pattern="*", decay_factor=0.0), parameters)]
    run(OURS["sgd"](groups), [(0.5, {p.name: np.ones(1, np.float32) for p in parameters})])
    moved = np.concatenate([parameter.asnumpy() for parameter in parameters])
    np.testing.assert_array_equal(moved, np.arange(1100) - 0.5)
