"""The product of pixels and words, and the block that smooths it (LSeg, sections 3.3 and 3.4)."""

from mindspore import nn, ops

from ms_ovs.nn.activation import activation as make_activation
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.norm import unit


class PixelTextProduct(nn.Cell):
    """Cosine of every pixel with every text, divided by the temperature 0.07.

    Pixels (B, D, H, W); texts (C, D), or (B, C, D) where every image has its own → (B, C, H, W).
    """

    TEMPERATURE = 0.07

    def construct(self, pixels, text):
        batch, width, height, columns = pixels.shape
        pixels = pixels.reshape(batch, width, height * columns)
        # dividing the product by the pixels' lengths, rather than the pixels, touches C maps and not D
        length = ops.sqrt(ops.sum(pixels * pixels, 1, True))
        product = ops.matmul(unit(text), pixels) / (self.TEMPERATURE * length)
        return product.reshape(batch, -1, height, columns)


class HeadBlock(nn.Cell):
    """The spatial regularisation block: the same small filter on the map of every label.

    `arch_option` 1 (bottleneck) adds the maximum over labels, 2 (depthwise) is the filter alone. The
    same weights are applied `depth` times (0 counts as 1), with the activation after all but the last.
    """

    def __init__(self, *, arch_option: int, depth: int, activation: str):
        super().__init__()
        self.adds_maximum = arch_option == 1
        self.depth = max(depth, 1)
        self.conv = conv2d(1, 1, 3, padding=1, bias=True)
        self.act = make_activation(activation)

    def construct(self, logits):
        batch, labels, height, width = logits.shape
        for step in range(self.depth):
            # labels are independent images of one channel
            y = self.conv(logits.reshape(batch * labels, 1, height, width))
            y = y.reshape(batch, labels, height, width)
            if self.adds_maximum:
                y = y + ops.amax(logits, 1, True)
            logits = self.act(y) if step < self.depth - 1 else y
        return logits
