"""Cross entropy of every pixel."""

import mindspore as ms
from mindspore import nn, ops

IGNORE = -1


class PixelCrossEntropy(nn.Cell):
    """Logits float (B, C, H, W) and targets int32 (B, H, W) → the mean over pixels that are not ignored.

    Targets of -1 are ignored; where all are, the loss is NaN, as in the originals. Written out along the
    classes as they lie: MindSpore's own moves them to the last axis and takes three times as long on a CPU.
    """

    def __init__(self):
        super().__init__()
        self.highest = ops.ReduceMax(keep_dims=True)

    def construct(self, logits, target):
        logits = logits.astype(ms.float32)
        kept = (target != IGNORE).astype(ms.float32)
        # log Σ exp x - x at the target, x shifted so that nothing overflows
        x = logits - ops.stop_gradient(self.highest(logits, 1))
        normaliser = ops.log(ops.sum(ops.exp(x), 1))
        label = ops.expand_dims(ops.maximum(target, 0), 1)
        at_target = ops.gather_elements(x, 1, label).reshape(target.shape)
        return ((normaliser - at_target) * kept).sum() / kept.sum()
