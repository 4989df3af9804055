"""Cross entropy of every pixel."""

import mindspore as ms
from mindspore import nn, ops

from ms_ovs.nn.platform import on_cpu

IGNORE = -1


class PixelCrossEntropy(nn.Cell):
    """Logits float (B, C, H, W) and targets int32 (B, H, W) → the mean over pixels that are not ignored.

    Targets of -1 are ignored; where all are, the loss is NaN, as in the originals. With `over_all` it is
    the mean over all pixels, in which ignored ones count as 0 (mmsegmentation 0.x).
    """

    def __init__(self, *, over_all: bool = False):
        super().__init__()
        self.over_all = over_all
        self.surprise = Surprise()

    def construct(self, logits, target):
        kept = (target != IGNORE).astype(ms.float32)
        each = self.surprise(logits.astype(ms.float32), ops.expand_dims(ops.maximum(target, 0), 1))
        total = (each * kept).sum()
        return total / target.size if self.over_all else total / kept.sum()


class Surprise(nn.Cell):
    """-log softmax of logits (B, C, H, W) over C, at the label (B, 1, H, W) of each pixel: (B, H, W).

    Written along the classes as they lie: MindSpore's own cross entropy moves them to the last axis, and its
    derivatives of the parts are many passes over all logits.
    """

    def __init__(self):
        super().__init__()
        self.parts = SurpriseParts()

    def construct(self, logits, label):
        batch, _, height, width = logits.shape
        return self.parts(logits, label)[0].reshape(batch, height, width)


class SurpriseParts(nn.Cell):
    """Logits (B, C, H, W), labels (B, 1, H, W) → `Surprise` (B, 1, H, W), and what its gradient is made of.

    That is exp of the logits less their highest, (B, C, H, W), and its sum over the classes, (B, 1, H, W).
    """

    def __init__(self):
        super().__init__()
        self.highest = Highest()

    def construct(self, logits, label):
        batch, classes, height, width = logits.shape
        x = logits - self.highest(logits)  # so that nothing overflows
        powers = ops.exp(x)
        # a sum over the classes as a product, which the CPU does four times as fast
        columns = powers.reshape(batch, classes, height * width)
        total = ops.matmul(ops.ones((1, classes), ms.float32), columns).reshape(label.shape)
        return ops.log(total) - ops.gather_elements(x, 1, label), powers, total

    def bprop(self, logits, label, out, dout):
        _, powers, total = out
        slope = dout[0]
        # softmax - one-hot
        each = ops.tensor_scatter_elements(powers * (slope / total), label, -slope, 1, "add")
        return each, ops.zeros_like(label)


class Highest(nn.Cell):
    """The greatest over the channels: (B, C, H, W) → (B, 1, H, W).

    On the CPU by pooling, which takes half the time of the reduction.
    """

    def __init__(self):
        super().__init__()
        self.pooled = on_cpu()
        self.reduce = ops.ReduceMax(keep_dims=True)

    def construct(self, x):
        if not self.pooled:
            return self.reduce(x, 1)
        batch, channels, height, width = x.shape
        pool = ops.MaxPool((channels, 1), (channels, 1), "valid")
        return pool(x.reshape(batch, 1, channels, height * width)).reshape(batch, 1, height, width)
