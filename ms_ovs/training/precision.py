"""Mixed precision: which products are computed in float16, and the scale of the loss that this needs."""

from typing import Literal

import mindspore as ms
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.errors import choose
from ms_ovs.models.lseg.heads import HeadBlock, PixelTextProduct
from ms_ovs.nn.product import Product
from ms_ovs.training.maps import multiplied

LEVELS = ("O0", "O2")
EXACT = (PixelTextProduct, HeadBlock)

START = 2.0**16
GROWTH_STEPS = 2000


def apply(network: nn.Cell, level: str) -> None:
    """Set the precision in which a network computes, before its first call.

    "O0": everything in float32. "O2": the factors of every `ms_ovs.nn.product.Product` (linear layers,
    convolutions, attention) in float16 on every device; all between them (norms, softmax, activations, sums),
    the logits of a model's head, and the parameters stay float32. Raises `UserError` for another level.
    """
    if choose("precision level", level, LEVELS) == "O2":
        _halve(network)


def _halve(cell: nn.Cell) -> None:
    if isinstance(cell, EXACT):
        return
    if isinstance(cell, Product):
        cell.half = True
    for child in cell.cells():
        _halve(child)


class LossScale(nn.Cell):
    """The factor of the loss on its way back, so that small gradients do not vanish in float16.

    A number, or "dynamic": 65536 at first, doubled after 2000 steps without overflow, halved (to 1 at least)
    by a step with one. For use inside a compiled step, which leaves out the update when a gradient is not
    finite. States: `loss_scale.value` float32, `loss_scale.good_steps` int32.
    """

    def __init__(self, scale: float | Literal["dynamic"]):
        super().__init__()
        self.dynamic = scale == "dynamic"
        start = START if self.dynamic else float(scale)
        self.value = Parameter(Tensor(start, ms.float32), name="loss_scale.value", requires_grad=False)
        self.good_steps = Parameter(Tensor(0, ms.int32), name="loss_scale.good_steps", requires_grad=False)

    @property
    def states(self) -> list[Parameter]:
        """What a resumed training needs."""
        return [self.value, self.good_steps]

    def scaled(self, loss):
        """The loss to differentiate."""
        return loss * self.value

    def unscaled(self, gradients):
        """The gradients of the loss itself."""
        return ops.HyperMap()(ops.partial(multiplied, 1 / self.value), gradients)

    def update(self, finite):
        """Note whether a step's gradients were finite, a bool scalar. What it returns is for `ops.depend`."""
        if not self.dynamic:
            return finite
        good = ops.where(finite, self.good_steps + 1, 0)
        grows = good >= GROWTH_STEPS
        halved = ops.maximum(self.value / 2, Tensor(1.0, ms.float32))
        value = ops.where(finite, ops.where(grows, self.value * 2, self.value), halved)
        kept = ops.assign(self.value, value)
        return ops.depend(kept, ops.assign(self.good_steps, ops.where(grows, 0, good).astype(ms.int32)))
