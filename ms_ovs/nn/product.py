"""Products of matrices and convolutions, the part of a network that may run in float16."""

import mindspore as ms
from mindspore import nn


class Product(nn.Cell):
    """A cell with a product, whose factors are float16 where `half` is set, before the cell is compiled.

    What comes out is float32 all the same, so that sums of residuals, norms and activations are.
    """

    half = False

    def low(self, x):
        """`x` as it enters the product."""
        return x.astype(ms.float16) if self.half else x
