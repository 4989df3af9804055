"""Layer norm over the last axis."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.nn.platform import on_cpu


class LayerNorm(nn.Cell):
    """(…, width) → (…, width), with population variance; the epsilon is part of a model's identity.

    On the CPU the means are matrix products, which run at the machine's rate while MindSpore's
    kernel runs on one thread (half the time at width 1024). Elsewhere it is the fused kernel.
    """

    def __init__(self, width: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(width, np.float32))
        self.beta = Parameter(np.zeros(width, np.float32))
        self.epsilon = epsilon
        self.written_out = on_cpu()
        self.average = Tensor(np.full((width, 1), 1 / width), ms.float32)
        self.fused = ops.LayerNorm(-1, -1, epsilon)

    def construct(self, x):
        if not self.written_out:
            return self.fused(x, self.gamma, self.beta)[0]
        centred = x - ops.matmul(x, self.average)
        variance = ops.matmul(centred * centred, self.average)
        return centred * ops.rsqrt(variance + self.epsilon) * self.gamma + self.beta


def unit(x, axis: int = -1):
    """`x` divided by its plain 2-norm along `axis`, without an epsilon (as CLIP and LSeg have it)."""
    return x / ops.sqrt(ops.sum(x * x, axis, True))
