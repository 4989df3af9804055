"""Layer norm over the last axis."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.nn.platform import on_cpu


class LayerNorm(nn.Cell):
    """(…, width) → (…, width), with population variance; the epsilon is part of a model's identity.

    On the CPU it is written with matrix products, for the means and for spreading them again: these run
    at the machine's rate, MindSpore's kernel on one thread, and a broadcast along the last axis keeps four
    times its tensor in memory. Elsewhere it is the fused kernel.
    """

    def __init__(self, width: int, *, epsilon: float):
        super().__init__()
        self.gamma = Parameter(np.ones(width, np.float32))
        self.beta = Parameter(np.zeros(width, np.float32))
        self.epsilon = epsilon
        self.written_out = on_cpu()
        self.average = Tensor(np.full((width, 1), 1 / width), ms.float32)
        self.spread = Tensor(np.ones((1, width)), ms.float32)
        self.fused = ops.LayerNorm(-1, -1, epsilon)
        self.add = ops.BiasAdd()

    def construct(self, x):
        if not self.written_out:
            return self.fused(x, self.gamma, self.beta)[0]
        rows = x.reshape(-1, x.shape[-1])
        centred = rows - ops.matmul(ops.matmul(rows, self.average), self.spread)
        variance = ops.matmul(centred * centred, self.average)
        scale = ops.matmul(ops.rsqrt(variance + self.epsilon), ops.expand_dims(self.gamma, 0))
        return self.add(centred * scale, self.beta).reshape(x.shape)


def unit(x, axis: int = -1):
    """`x` divided by its plain 2-norm along `axis`, without an epsilon (as CLIP and LSeg have it)."""
    return x / ops.sqrt(ops.sum(x * x, axis, True))
