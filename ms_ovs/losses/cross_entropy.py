"""Cross entropy of every pixel."""

import mindspore as ms
from mindspore import nn, ops

IGNORE = -1


class PixelCrossEntropy(nn.Cell):
    """Logits float (B, C, H, W) and targets int32 (B, H, W) → the mean over pixels that are not ignored.

    Targets of -1 are ignored; where all are, the loss is NaN, as in the originals.
    """

    def construct(self, logits, target):
        return ops.cross_entropy(logits.astype(ms.float32), target, None, IGNORE, "mean", 0.0)
