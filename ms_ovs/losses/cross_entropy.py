"""Cross entropy of every pixel."""

import mindspore as ms
from mindspore import nn, ops

from ms_ovs.nn.kernels import built, kernel

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
        each = self.surprise(logits.astype(ms.float32), ops.maximum(target, 0))
        total = (each * kept).sum()
        return total / target.size if self.over_all else total / kept.sum()


class Surprise(nn.Cell):
    """-log softmax of logits (B, C, H, W) over C, at the label (B, H, W) of each pixel: (B, H, W).

    MindSpore's own moves the classes to the last axis and makes many passes over all logits on the CPU.
    """

    def __init__(self):
        super().__init__()
        self.fused = SurpriseKernel() if built() else None

    def construct(self, logits, label):
        if self.fused is None:
            return ops.cross_entropy(logits, label, None, IGNORE, "none")
        return self.fused(logits, label)[0]


class SurpriseKernel(nn.Cell):
    """`Surprise`, and log Σ exp of the logits, which its gradient needs: both (B, H, W).

    A label that is no class makes the surprise NaN.
    """

    def __init__(self):
        super().__init__()
        self.values = kernel("cross_entropy", lambda logits, label: (label, label), results=2)
        self.gradient = kernel("cross_entropy_gradient", lambda logits, label, whole, dout: logits)

    def construct(self, logits, label):
        return self.values(logits, label)

    def bprop(self, logits, label, out, dout):
        return self.gradient(logits, label, out[1], dout[0]), ops.zeros_like(label)
