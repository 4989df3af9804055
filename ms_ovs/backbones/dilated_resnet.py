"""ResNet with dilated last stages, as DeepLab has it (Chen et al. 2017); ResNetV1c where its stem is deep."""

from mindspore import Parameter, nn

from ms_ovs.backbones.variants import ResNetConfig
from ms_ovs.nn.bottleneck import EXPANSION, stage
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.init import kaiming
from ms_ovs.nn.layers import batch_norm


class Stem(nn.Cell):
    """(B, 3, H, W) → (B, width, H/4, W/4): one 7×7 convolution, or three of 3×3 (`deep`), and a max pool."""

    def __init__(self, width: int, *, deep: bool):
        super().__init__()
        half = width // 2
        self.deep = deep
        self.conv1 = (
            conv2d(3, half, 3, stride=2, padding=1) if deep else conv2d(3, width, 7, stride=2, padding=3)
        )
        self.bn1 = batch_norm(half if deep else width)
        if deep:
            self.conv2 = conv2d(half, half, 3, padding=1)
            self.bn2 = batch_norm(half)
            self.conv3 = conv2d(half, width, 3, padding=1)
            self.bn3 = batch_norm(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, 2, pad_mode="pad", padding=1)

    def construct(self, image):
        x = self.relu(self.bn1(self.conv1(image)))
        if self.deep:
            x = self.relu(self.bn2(self.conv2(x)))
            x = self.relu(self.bn3(self.conv3(x)))
        return self.maxpool(x)


class DilatedResNet(nn.Cell):
    """Images float32 (B, 3, H, W) → the four stage outputs, named in `TAPS`, at 1/4, 1/8, 1/8 and 1/8.

    The stride of a stage sits in the 3×3 convolution of its first block; strides 1 keep the resolution, and
    dilation makes up for them. Batch norm learns, with the statistics of the batch.
    """

    TAPS = ("layer1", "layer2", "layer3", "layer4")

    def __init__(self, config: ResNetConfig):
        super().__init__()
        self.config = config
        self.channels = tuple(EXPANSION * config.width * 2**level for level in range(4))
        self.stem = Stem(config.width, deep=config.deep_stem)
        inputs = (config.width, *self.channels[:3])
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            stage(
                inputs[level],
                config.width * 2**level,
                config.depths[level],
                stride=config.strides[level],
                pooled=False,
                dilation=config.dilations[level],
            )
            for level in range(4)
        )

    def deviation(self, parameter: Parameter) -> float:
        """That of the initial weights."""
        return kaiming(parameter)

    def stages(self, image):
        """The results named in `TAPS`."""
        layer1 = self.layer1(self.stem(image))
        layer2 = self.layer2(layer1)
        layer3 = self.layer3(layer2)
        return layer1, layer2, layer3, self.layer4(layer3)

    def construct(self, image):
        return self.stages(image)
