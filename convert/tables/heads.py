"""mmsegmentation's decode heads; `source` and `target` are prefixes, dot included."""

from convert.rules import Rule, rule
from convert.tables.parts import batch_norm, conv_unit


def all_mlp(source: str, target: str) -> list[Rule]:
    """SegformerHead, without its classifier."""
    return [
        *conv_unit(f"{source}convs.{{}}", f"{target}units.{{}}"),
        rule(f"{source}fusion_conv.conv.weight", f"{target}fusion.weight"),
        *batch_norm(f"{source}fusion_conv.bn", f"{target}fusion.bn"),
    ]


def deeplab_v2(source: str, target: str) -> list[Rule]:
    """The ASPP whose branches are summed."""
    return conv_unit(f"{source}aspp_modules.{{}}", f"{target}branches.{{}}")


def deeplab_v3_plus(source: str, target: str) -> list[Rule]:
    """DepthwiseSeparableASPPHead, without its classifier."""
    return [
        *conv_unit(f"{source}image_pool.1", f"{target}pool"),
        *conv_unit(f"{source}aspp_modules.0", f"{target}branches.0"),
        *(
            part
            for branch in (1, 2, 3)
            for part in _separable(f"{source}aspp_modules.{branch}", f"{target}branches.{branch}")
        ),
        *conv_unit(f"{source}bottleneck", f"{target}join"),
        *conv_unit(f"{source}c1_bottleneck", f"{target}detail"),
        *_separable(f"{source}sep_bottleneck.0", f"{target}refine1"),
        *_separable(f"{source}sep_bottleneck.1", f"{target}refine2"),
    ]


def _separable(source: str, target: str) -> list[Rule]:
    return [
        *conv_unit(f"{source}.depthwise_conv", f"{target}.depthwise"),
        *conv_unit(f"{source}.pointwise_conv", f"{target}.pointwise"),
    ]
