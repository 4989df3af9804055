"""Multi-head self-attention (Vaswani et al. 2017)."""

import mindspore as ms
from mindspore import ops

from ms_ovs.nn.layers import Linear
from ms_ovs.nn.product import Product
from ms_ovs.nn.softmax import Softmax


class SelfAttention(Product):
    """softmax(q kᵀ / √head + mask) v with one fused projection (rows q, k, v) and biases.

    (B, N, width) → (B, N, width). `mask` (N, N) is added to the scores, so -inf-like entries hide
    a position; None for full attention.
    """

    def __init__(self, *, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.head_width = width // heads
        self.scale = self.head_width**-0.5
        self.qkv = Linear(width, 3 * width)
        self.proj = Linear(width, width)
        self.softmax = Softmax()
        self.scores = ops.BatchMatMul(transpose_b=True)
        self.mix = ops.BatchMatMul()

    def construct(self, x, mask=None):
        batch, length, width = x.shape
        # (B, N, 3C) → 3 × (B, heads, N, C / heads)
        qkv = self.qkv(x).reshape(batch, length, 3, self.heads, self.head_width)
        q, k, v = ops.unstack(ops.transpose(qkv, (2, 0, 3, 1, 4)), 0)
        scores = self.scores(self.low(q * self.scale), self.low(k)).astype(ms.float32)
        if mask is not None:
            scores = scores + mask
        mixed = self.mix(self.low(self.softmax(scores)), self.low(v)).astype(ms.float32)
        # (B, heads, N, C / heads) → (B, N, C)
        mixed = ops.transpose(mixed, (0, 2, 1, 3)).reshape(batch, length, width)
        return self.proj(mixed)
