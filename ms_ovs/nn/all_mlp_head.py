"""SegFormer's decoder (Xie et al. 2021, section 3.2), with batch norm and ReLU as mmsegmentation has it."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.nn.conv_unit import ConvUnit
from ms_ovs.nn.layers import batch_norm
from ms_ovs.nn.product import Product
from ms_ovs.nn.resize import bilinear


class Fusion(Product):
    """Maps (B, features, h, w), fine to coarse → (B, features, H, W) of the first one's size.

    What it computes is: enlarge all maps, concatenate them, then a 1×1 convolution without bias, batch norm,
    ReLU. The convolution and the enlargement are both linear and commute, so each map goes through its
    columns of the weight (features, levels · features, 1, 1) at its own resolution, and sums replace the
    concatenation: of four maps the arithmetic is a third, and the memory too.
    """

    def __init__(self, features: int, levels: int):
        super().__init__()
        self.features = features
        self.weight = Parameter(np.zeros((features, levels * features, 1, 1), np.float32))
        self.product = ops.Conv2D(features, 1)
        self.bn = batch_norm(features)
        self.relu = nn.ReLU()

    def project(self, weight, x):
        """(features, features, 1, 1) times (B, features, h, w)."""
        return self.product(self.low(x), self.low(weight)).astype(ms.float32)

    def construct(self, maps):
        weights = ops.split(self.weight, self.features, 1)
        total = self.project(weights[0], maps[0])
        for level in range(1, len(maps)):
            total = total + bilinear(
                self.project(weights[level], maps[level]), total.shape[2:], align_corners=False
            )
        return self.relu(self.bn(total))


class AllMLPHead(nn.Cell):
    """Four maps (B, channels, h, w), fine to coarse → (B, features, H, W) on the grid of the first.

    Each map is brought to `features` channels (1×1 convolution, batch norm, ReLU), then they are fused.
    NVIDIA's own head has plain linear layers there, and takes the maps in the reverse order.
    """

    def __init__(self, channels: tuple[int, ...], *, features: int):
        super().__init__()
        self.units = nn.CellList([ConvUnit(count, features) for count in channels])
        self.fusion = Fusion(features, len(channels))

    def construct(self, maps):
        projected = ()
        for unit, x in zip(self.units, maps):  # noqa: B905 - strict is unknown to the graph compiler
            projected = (*projected, unit(x))
        return self.fusion(projected)
