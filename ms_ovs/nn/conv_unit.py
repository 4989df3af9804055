"""Convolution, batch norm, ReLU: the unit that dense heads are made of."""

from mindspore import nn

from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm


class ConvUnit(nn.Cell):
    """(B, inputs, H, W) → (B, outputs, H, W): a convolution without bias, batch norm, ReLU.

    The padding keeps the size; `groups` as many as inputs make it depthwise.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, *, dilation: int = 1, groups: int = 1):
        super().__init__()
        padding = dilation * (kernel // 2)
        self.conv = conv2d(inputs, outputs, kernel, padding=padding, dilation=dilation, groups=groups)
        self.bn = batch_norm(outputs)
        self.relu = nn.ReLU()

    def construct(self, x):
        return self.relu(self.bn(self.conv(x)))


class SeparableConvUnit(nn.Cell):
    """(B, inputs, H, W) → (B, outputs, H, W): a 3×3 unit for each channel, a 1×1 unit across them."""

    def __init__(self, inputs: int, outputs: int, *, dilation: int = 1):
        super().__init__()
        self.depthwise = ConvUnit(inputs, inputs, 3, dilation=dilation, groups=inputs)
        self.pointwise = ConvUnit(inputs, outputs)

    def construct(self, x):
        return self.pointwise(self.depthwise(x))
