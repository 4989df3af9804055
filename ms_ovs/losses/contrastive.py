"""CLIP's contrastive loss (paper, figure 3), over the images and texts of all processes."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ms_ovs.nn.norm import unit

MOST_SCALE = 100.0  # the paper clips the temperature so that logits are scaled by no more


class ContrastiveLoss(nn.Cell):
    """Features of images and of their texts, (B, D) each, and the log of the logits' scale → loss, float32.

    The mean of the cross entropies of each image among all texts and of each text among all images. With
    `ranks` processes, "all" are those of all processes: the mean of the losses of the processes, and that of
    their gradients, are those of one process with all pairs.
    """

    def __init__(self, *, rank: int = 0, ranks: int = 1):
        super().__init__()
        self.rank, self.ranks = rank, ranks
        # Rows of all processes by a sum, in which each is zero but for its own: the way back of a sum over
        # processes is one too, so that gradients reach the process whose rows they are.
        self.sum = ops.AllReduce() if ranks > 1 else None

    def construct(self, image, text, log_scale):
        image, text = unit(image.astype(ms.float32)), unit(text.astype(ms.float32))
        scale = ops.minimum(ops.exp(log_scale), Tensor(MOST_SCALE, ms.float32))
        all_images, all_texts = self.gather(image), self.gather(text)
        batch = image.shape[0]
        own = Tensor(np.arange(self.rank * batch, (self.rank + 1) * batch), ms.int32)
        to_texts = scale * ops.matmul(image, ops.transpose(all_texts, (1, 0)))
        to_images = scale * ops.matmul(text, ops.transpose(all_images, (1, 0)))
        return (ops.cross_entropy(to_texts, own) + ops.cross_entropy(to_images, own)) / 2

    def gather(self, rows):
        """(B, D) of this process → (ranks · B, D) of all, in their order."""
        if self.sum is None:
            return rows
        # not ops.pad, whose gradient in graph mode on CPU is that of its first call
        parts = ()
        for rank in range(self.ranks):
            parts = (*parts, rows if rank == self.rank else ops.zeros_like(rows))
        return self.sum(ops.concat(parts, 0))
