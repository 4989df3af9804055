"""Parameter groups: which parameters learn, how fast, and which decay."""

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from mindspore import Parameter, nn

from ms_ovs.config import Settings
from ms_ovs.errors import UserError


class GroupSettings(Settings):
    """One rule: parameters whose names match `pattern` ("image.*") learn at `lr_factor` times the rate.

    `decay_factor` multiplies the weight decay; `frozen` parameters do not learn at all.
    """

    pattern: str
    lr_factor: float = 1.0
    decay_factor: float = 1.0
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
    for parameter in network.get_parameters():
        index = next((i for i, rule in enumerate(rules) if fnmatchcase(parameter.name, rule.pattern)), None)
        if index is None:
            raise UserError(
                f"parameter {parameter.name!r} is in no group; "
                'add a last group with pattern "*", frozen or not'
            )
        if rules[index].frozen:
            parameter.requires_grad = False
        # statistics of batch norm are parameters that never learn
        if parameter.requires_grad:
            members[index].append(parameter)
    for rule, parameters in zip(rules, members, strict=True):
        if not parameters and not rule.frozen:
            raise UserError(
                f"group {rule.pattern!r} fits no parameter that learns; "
                f"names are like {network.trainable_params()[0].name!r}"
            )
    return [Group(rule, tuple(found)) for rule, found in zip(rules, members, strict=True) if found]
