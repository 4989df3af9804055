"""What training leaves out at random: whole branches of a block, whole channels."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

PRIME = 2**31 - 1  # products of two numbers below it fit in int64


class Drop(nn.Cell):
    """In training, parts of x are 0 with the probability `rate`, the others divided by 1 - rate.

    The first `axes` axes tell the parts. They are drawn by MindSpore's generator, or by a `CountedMask` once
    `count` was called.
    """

    def __init__(self, rate: float, axes: int):
        super().__init__()
        self.axes = axes
        self.rate = rate
        self.mask = nn.Dropout(p=rate)

    def count(self, passes: Parameter, key: int) -> None:
        """Draw what follows from the number of `passes` and the `key` alone."""
        self.mask = CountedMask(self.rate, passes, key)

    def construct(self, x):
        if self.rate == 0 or not self.training:
            return x
        shape = x.shape[: self.axes] + (1,) * (x.ndim - self.axes)
        return x * self.mask(ops.ones(shape, ms.float32))


class DropPath(Drop):
    """(B, …) → the same: in training, whole samples are dropped (stochastic depth, Huang et al. 2016)."""

    def __init__(self, rate: float):
        super().__init__(rate, axes=1)


class ChannelDropout(Drop):
    """(B, C, H, W) → the same: in training, whole channels are dropped, in each sample others."""

    def __init__(self, rate: float):
        super().__init__(rate, axes=2)


class CountedMask(nn.Cell):
    """Ones → 0 with the probability `rate`, the others divided by 1 - rate; equal draws for equal counts.

    MindSpore's generators cannot be put back to where they were inside a compiled graph, and a training that
    is resumed must draw what it would have drawn. `passes`, int32 (1,), is somebody else's parameter, no part
    of the network.
    """

    def __init__(self, rate: float, passes: Parameter, key: int):
        super().__init__(auto_prefix=False)
        self.rate = rate
        self.key = key % PRIME
        object.__setattr__(self, "passes", passes)  # `nn.Cell` would make it one of the network's own

    def construct(self, ones):
        index = Tensor(np.arange(ones.size), ms.int64)
        number = hashed(index, self.passes.astype(ms.int64), self.key)
        kept = (number.astype(ms.float32) / PRIME >= self.rate).astype(ms.float32)
        return kept.reshape(ones.shape) / (1 - self.rate)


def hashed(index, count, key: int):
    """int64 numbers from 0 to `PRIME` - 1 that look drawn, for int64 tensors that broadcast."""
    number = ops.floor_mod(index * 7919 + count * 104729 + key, PRIME)
    for factor, shift in ((48271, key), (69621, 12345)):
        number = ops.floor_mod(number * factor, PRIME)
        number = ops.floor_mod(number * number + shift, PRIME)
    return number
