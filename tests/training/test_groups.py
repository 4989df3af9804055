"""Which parameters learn, and in which group."""

import pytest
from mindspore import nn

from ms_ovs.errors import UserError
from ms_ovs.nn.layers import Linear, batch_norm
from ms_ovs.training.groups import GroupSettings, group


class Net(nn.Cell):
    """Two layers with a norm between them."""

    def __init__(self):
        super().__init__()
        self.body = Linear(2, 3)
        self.norm = batch_norm(3)
        self.head = Linear(3, 4)


def test_the_first_rule_that_fits_takes_the_parameter():
    net = Net()
    rules = (
        GroupSettings(pattern="body.*", frozen=True),
        GroupSettings(pattern="*.bias", decay_factor=0.0, decay_unused=False),
        GroupSettings(pattern="*"),
    )
    groups = group(net, rules)
    assert [found.settings for found in groups] == [rules[1], rules[2]]
    assert [parameter.name for parameter in groups[0].parameters] == ["head.bias"]
    # statistics of the norm do not learn
    assert {parameter.name for parameter in groups[1].parameters} == {
        "norm.gamma",
        "norm.beta",
        "head.weight",
    }
    assert not net.body.bias.requires_grad


def test_a_parameter_without_a_rule():
    with pytest.raises(UserError, match="'body.bias' is in no group"):
        group(Net(), (GroupSettings(pattern="*.weight"),))


def test_a_rule_without_a_parameter():
    with pytest.raises(UserError, match="group 'neck.*' fits no parameter that learns; names are like"):
        group(Net(), (GroupSettings(pattern="neck.*"), GroupSettings(pattern="*")))
    with pytest.raises(UserError, match="group 'neck.*' fits no parameter; names are like"):
        group(Net(), (GroupSettings(pattern="neck.*", frozen=True), GroupSettings(pattern="*", frozen=True)))


def test_a_frozen_rule_may_hold_what_is_frozen_already():
    net = Net()
    net.body.weight.requires_grad = net.body.bias.requires_grad = False
    rules = (GroupSettings(pattern="body.*", frozen=True), GroupSettings(pattern="*"))
    assert [found.settings.pattern for found in group(net, rules)] == ["*"]


def test_unused_parameters_decay_unless_the_rule_says_no():
    assert GroupSettings(pattern="*").decay_unused
