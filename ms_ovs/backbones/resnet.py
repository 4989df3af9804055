"""ResNet (He et al. 2016), stride in the 3×3 convolution as in torchvision."""

from mindspore import nn

from ms_ovs.nn.bottleneck import EXPANSION, stage
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import batch_norm


class ResNet(nn.Cell):
    """(B, 3, H, W) → the four stage outputs, at 1/4, 1/8, 1/16 and 1/32 of the input."""

    def __init__(self, *, layers: tuple[int, int, int, int], width: int = 64):
        super().__init__()
        self.conv1 = conv2d(3, width, 7, stride=2, padding=3)
        self.bn1 = batch_norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, pad_mode="pad", padding=1)
        self.layer1 = stage(width, width, layers[0], stride=1, pooled=False)
        self.layer2 = stage(EXPANSION * width, 2 * width, layers[1], stride=2, pooled=False)
        self.layer3 = stage(EXPANSION * 2 * width, 4 * width, layers[2], stride=2, pooled=False)
        self.layer4 = stage(EXPANSION * 4 * width, 8 * width, layers[3], stride=2, pooled=False)

    def construct(self, image):
        x = self.maxpool(self.relu(self.bn1(self.conv1(image))))
        layer1 = self.layer1(x)
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return layer1, layer2, layer3, self.layer4(layer3)
