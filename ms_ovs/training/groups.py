"""Parameter groups: which parameters learn, how fast, and which decay."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mindspore import Parameter, nn

from ms_ovs.config import Settings
from ms_ovs.errors import UserError


class GroupSettings(Settings):
    """One rule: parameters whose names match `pattern` ("image.*") learn at `lr_factor` times the rate.

    `decay_factor` multiplies the weight decay; `frozen` parameters do not learn at all. With
    `decay_unused=False` a parameter whose gradient is all zero in a step stays as it is, with its moments,
    as in PyTorch those do that the loss did not reach; else it decays, and moves by its momentum.
    """

    pattern: str
    lr_factor: float = 1.0
    decay_factor: float = 1.0
    decay_unused: bool = True
    frozen: bool = False


@dataclass(frozen=True)
class Group:
    """The parameters of one rule, in the order of the network."""

    settings: GroupSettings
    parameters: tuple[Parameter, ...]


def group(network: nn.Cell, rules: Sequence[GroupSettings]) -> list[Group]:
    """Sort the network's parameters into groups; a parameter belongs to the first rule that fits.

    Freezes what the rules freeze. Raises `UserError` for a parameter without a rule and for a rule
    without a parameter: both are mostly slips of a name.
    """
    members: list[list[Parameter]] = [[] for _ in rules]
    met = [False] * len(rules)
    for parameter in network.get_parameters():
        index = next((i for i, rule in enumerate(rules) if fnmatchcase(parameter.name, rule.pattern)), None)
        if index is None:
            raise UserError(
                f"parameter {parameter.name!r} is in no group; "
                'add a last group with pattern "*", frozen or not'
            )
        met[index] = True
        if rules[index].frozen:
            parameter.requires_grad = False
        # statistics of batch norm are parameters that never learn
        if parameter.requires_grad:
            members[index].append(parameter)
    for rule, parameters, found in zip(rules, members, met, strict=True):
        if not parameters and not (rule.frozen and found):
            what = "parameter" if rule.frozen else "parameter that learns"
            example = next(iter(network.get_parameters())).name
            raise UserError(f"group {rule.pattern!r} fits no {what}; names are like {example!r}")
    return [Group(rule, tuple(found)) for rule, found in zip(rules, members, strict=True) if found]
