"""The image towers that LSeg's training starts from, by the names of the files of timm and torchvision.

LSeg's own rules, without what its authors put in front of those names.
"""

from collections.abc import Iterable, Mapping

from convert.rules import Rule, Table, carry
from convert.tables import lseg


def _renamed(rules: Iterable[Rule], starts: Mapping[str, str]) -> list[Rule]:
    """The rules whose source begins with one of `starts` (the first that fits), that start replaced."""
    found = []
    for rule in rules:
        (source,) = rule.sources
        start = next((start for start in starts if source.startswith(start)), None)
        if start is not None:
            name = starts[start] + source.removeprefix(start)
            found.append(carry(name) if rule.carried else Rule((name,), rule.targets, rule.hook))
    return found


TIMM = Table("lseg", "timm", _renamed(lseg.VIT, {"pretrained.model.": ""}))

_STAGES = {
    "pretrained.layer1.0.": "conv1.",
    "pretrained.layer1.1.": "bn1.",
    "pretrained.layer1.4.": "layer1.",
    "pretrained.": "",
}
TORCHVISION = Table("lseg", "torchvision", [*_renamed(lseg.RESNET, _STAGES), carry("fc.{*}")])
