"""The ResNet bottleneck (He et al. 2016), and CLIP's variant of it."""

from mindspore import nn

from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm

EXPANSION = 4


class Downsample(nn.Cell):
    """The shortcut where the shape changes: (average pool,) 1×1 convolution, batch norm."""

    def __init__(self, inputs: int, outputs: int, *, stride: int, pooled: bool):
        super().__init__()
        self.pool = nn.AvgPool2d(stride, stride, pad_mode="valid") if pooled and stride > 1 else None
        self.conv = conv2d(inputs, outputs, 1, stride=1 if pooled else stride)
        self.bn = batch_norm(outputs)

    def construct(self, x):
        if self.pool is not None:
            x = self.pool(x)
        return self.bn(self.conv(x))


class Bottleneck(nn.Cell):
    """1×1, 3×3, 1×1 convolutions around a shortcut: (B, inputs, H, W) → (B, 4 width, H/stride, W/stride).

    With `pooled` the stride sits in average pools instead of convolutions, as in CLIP (its paper,
    section 2.4: antialiased strided convolutions). `dilation` is that of the 3×3 convolution.
    """

    def __init__(self, inputs: int, width: int, *, stride: int, pooled: bool, dilation: int = 1):
        super().__init__()
        outputs = EXPANSION * width
        self.conv1 = conv2d(inputs, width, 1)
        self.bn1 = batch_norm(width)
        self.conv2 = conv2d(
            width, width, 3, stride=1 if pooled else stride, padding=dilation, dilation=dilation
        )
        self.bn2 = batch_norm(width)
        self.pool = nn.AvgPool2d(stride, stride, pad_mode="valid") if pooled and stride > 1 else None
        self.conv3 = conv2d(width, outputs, 1)
        self.bn3 = batch_norm(outputs)
        self.relu = nn.ReLU()
        changes_shape = stride > 1 or inputs != outputs
        self.downsample = Downsample(inputs, outputs, stride=stride, pooled=pooled) if changes_shape else None

    def construct(self, x):
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.relu(self.bn2(self.conv2(y)))
        if self.pool is not None:
            y = self.pool(y)
        y = self.bn3(self.conv3(y))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu(x + y)


def stage(
    inputs: int, width: int, depth: int, *, stride: int, pooled: bool, dilation: int = 1
) -> nn.SequentialCell:
    """`depth` bottlenecks, the first of which changes channels and resolution.

    With a `dilation` above 1 the first has half of it, "contracted", and the rest all of it.
    """
    first = Bottleneck(inputs, width, stride=stride, pooled=pooled, dilation=max(1, dilation // 2))
    rest = [
        Bottleneck(EXPANSION * width, width, stride=1, pooled=pooled, dilation=dilation)
        for _ in range(depth - 1)
    ]
    return nn.SequentialCell(first, *rest)
