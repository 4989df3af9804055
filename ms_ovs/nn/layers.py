"""Dense and batch norm with every default that differs from PyTorch made explicit."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.nn.product import Product

BATCH_NORM_EPSILON = 1e-5


class Linear(Product):
    """x @ weight + bias: (…, inputs) → (…, outputs); weight (inputs, outputs).

    PyTorch keeps the weight transposed, as `nn.Dense` does: MindSpore's CPU product then packs it anew in
    every call, which for few tokens takes longer than the product itself.
    """

    def __init__(self, inputs: int, outputs: int):
        super().__init__()
        self.weight = Parameter(np.zeros((inputs, outputs), np.float32))
        self.bias = Parameter(np.zeros(outputs, np.float32))
        self.product = ops.MatMul()
        self.add = ops.BiasAdd()

    def construct(self, x):
        rows = self.product(self.low(x.reshape(-1, x.shape[-1])), self.low(self.weight))
        return self.add(rows.astype(ms.float32), self.bias).reshape(*x.shape[:-1], -1)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm; MindSpore's momentum 0.9 is PyTorch's 0.1."""
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=0.9)
