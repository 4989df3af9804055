"""ResNets for dense networks: OpenMMLab's files with a deep stem (resnet101_v1c), torchvision's without."""

from convert.rules import Rule, Table, carry, rule
from convert.tables.parts import batch_norm, bottlenecks


def _stages(source: str, target: str) -> list[Rule]:
    return [
        part for stage in (1, 2, 3, 4)
        for part in bottlenecks(f"{source}layer{stage}.{{}}", f"{target}layer{stage}.{{}}")
    ]  # fmt: skip


def openmmlab(source: str = "", target: str = "") -> list[Rule]:
    """The rules of a ResNetV1c; `source` and `target` are prefixes, dot included."""
    stem = [
        part
        for n, place in enumerate((0, 3, 6), start=1)
        for part in (
            rule(f"{source}stem.{place}.weight", f"{target}stem.conv{n}.weight"),
            *batch_norm(f"{source}stem.{place + 1}", f"{target}stem.bn{n}"),
        )
    ]
    return [*stem, *_stages(source, target)]


# nobody asks for ImageNet's classes
CLASSIFIER = carry("fc.{*}")

OPENMMLAB = Table("resnet", "openmmlab", [*openmmlab(), CLASSIFIER])
TORCHVISION = Table(
    "resnet",
    "torchvision",
    [rule("conv1.weight", "stem.conv1.weight"), *batch_norm("bn1", "stem.bn1"), *_stages("", ""), CLASSIFIER],
)
