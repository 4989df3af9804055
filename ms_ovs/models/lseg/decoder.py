"""LSeg's decoder: RefineNet fusion from coarse to fine (DPT, section 3.1; specification 3.4)."""

from mindspore import nn

from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm
from ms_ovs.nn.resize import bilinear


class ResidualConvUnit(nn.Cell):
    """x + bn2(conv2(relu(bn1(conv1(relu(x)))))), at constant shape (B, C, H, W)."""

    def __init__(self, features: int):
        super().__init__()
        self.relu = nn.ReLU()
        self.conv1 = conv2d(features, features, 3, padding=1)
        self.bn1 = batch_norm(features)
        self.conv2 = conv2d(features, features, 3, padding=1)
        self.bn2 = batch_norm(features)

    def construct(self, x):
        y = self.bn1(self.conv1(self.relu(x)))
        return x + self.bn2(self.conv2(self.relu(y)))


class Fusion(nn.Cell):
    """Adds a finer map to the path from above, refines it and doubles its size.

    The coarsest block has no path from above: with `merges=False` it has no unit for the merge.
    """

    def __init__(self, features: int, *, merges: bool):
        super().__init__()
        self.unit1 = ResidualConvUnit(features) if merges else None
        self.unit2 = ResidualConvUnit(features)
        self.out_conv = conv2d(features, features, 1, bias=True)

    def construct(self, x, path=None):
        if self.unit1 is not None:
            x = path + self.unit1(x)
        x = self.unit2(x)
        # The original upsamples first. Interpolation weights sum to one, so a 1×1 convolution with
        # bias commutes with it, and here it runs on a quarter of the pixels.
        x = self.out_conv(x)
        return bilinear(x, (2 * x.shape[2], 2 * x.shape[3]), align_corners=True)


class Decoder(nn.Cell):
    """Four maps at 1/4, 1/8, 1/16, 1/32 of the input → the four paths; the last is at 1/2."""

    def __init__(self, *, widths: tuple[int, int, int, int], features: int):
        super().__init__()
        self.reduce1 = conv2d(widths[0], features, 3, padding=1)
        self.reduce2 = conv2d(widths[1], features, 3, padding=1)
        self.reduce3 = conv2d(widths[2], features, 3, padding=1)
        self.reduce4 = conv2d(widths[3], features, 3, padding=1)
        self.fusion1 = Fusion(features, merges=True)
        self.fusion2 = Fusion(features, merges=True)
        self.fusion3 = Fusion(features, merges=True)
        self.fusion4 = Fusion(features, merges=False)

    def construct(self, layer_1, layer_2, layer_3, layer_4):
        path_4 = self.fusion4(self.reduce4(layer_4))
        path_3 = self.fusion3(self.reduce3(layer_3), path_4)
        path_2 = self.fusion2(self.reduce2(layer_2), path_3)
        path_1 = self.fusion1(self.reduce1(layer_1), path_2)
        return path_4, path_3, path_2, path_1
