"""Atrous spatial pyramid pooling: the heads of DeepLabv2 and DeepLabv3+ (Chen et al. 2017, 2018)."""

from mindspore import nn, ops

from ms_ovs.nn.conv_unit import ConvUnit, SeparableConvUnit
from ms_ovs.nn.resize import bilinear


class DeepLabV2Head(nn.Cell):
    """(B, inputs, h, w) → (B, features, h, w): the sum of 3×3 units of several dilations.

    Each has its own batch norm and ReLU, before the sum.
    """

    DILATIONS = (6, 12, 18, 24)

    def __init__(self, inputs: int, *, features: int):
        super().__init__()
        self.branches = nn.CellList(
            [ConvUnit(inputs, features, 3, dilation=dilation) for dilation in self.DILATIONS]
        )

    def construct(self, x):
        # a slice of a CellList would rename its parameters
        total = self.branches[0](x)
        for index in range(1, len(self.branches)):
            total = total + self.branches[index](x)
        return total


class DeepLabV3PlusHead(nn.Cell):
    """Maps of stage 1 (B, fine, H, W) and stage 4 (B, coarse, h, w) → (B, features, H, W).

    The mean of stage 4, a 1×1 unit and separable units of three dilations are concatenated and joined by a
    3×3 unit; the result is enlarged to the grid of stage 1, which joins it with `details` channels.
    """

    DILATIONS = (12, 24, 36)

    def __init__(self, fine: int, coarse: int, *, features: int, details: int = 48):
        super().__init__()
        self.pool = ConvUnit(coarse, features)
        self.branches = nn.CellList(
            [
                ConvUnit(coarse, features),
                *(SeparableConvUnit(coarse, features, dilation=dilation) for dilation in self.DILATIONS),
            ]
        )
        self.join = ConvUnit((2 + len(self.DILATIONS)) * features, features, 3)
        self.detail = ConvUnit(fine, details)
        self.refine1 = SeparableConvUnit(features + details, features)
        self.refine2 = SeparableConvUnit(features, features)

    def construct(self, stage1, stage4):
        pooled = self.pool(ops.mean(stage4, (2, 3), True))
        height, width = stage4.shape[2:]
        parts = (ops.broadcast_to(pooled, (*pooled.shape[:2], height, width)),)
        for branch in self.branches:
            parts = (*parts, branch(stage4))
        coarse = bilinear(self.join(ops.concat(parts, 1)), stage1.shape[2:], align_corners=False)
        return self.refine2(self.refine1(ops.concat((coarse, self.detail(stage1)), 1)))
