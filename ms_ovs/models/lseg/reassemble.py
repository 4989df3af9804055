"""From transformer tokens to feature maps (DPT, Ranftl et al. 2021, section 3.1, readout "project")."""

from mindspore import nn, ops

from ms_ovs.errors import UserError
from ms_ovs.nn.activation import GELU
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.layers import Linear
from ms_ovs.nn.upsample import BlockUpsample


class Reassemble(nn.Cell):
    """Tokens (B, 1 + h w, width) → map (B, channels, h · factor, w · factor).

    `factor` 2, 4, 8, … enlarges by a transposed convolution of that kernel and stride, 1 keeps the grid;
    -2, -4, … divides it by 2, 4, …: a 3×3 convolution of that stride, for grids that are its multiples.
    Raises `UserError` for other factors.
    """

    def __init__(self, *, width: int, channels: int, factor: int):
        super().__init__()
        step = abs(factor)
        if factor in (0, -1) or step & (step - 1):
            raise UserError(
                f"resample has the factor {factor}: it must be 1, or a power of two that enlarges a tap's "
                "grid (2, 4, 8, …) or divides it (-2, -4, …)"
            )
        self.readout = Linear(2 * width, width)
        self.act = GELU()
        self.project = conv2d(width, channels, 1, bias=True)
        self.resample = None
        if factor > 1:
            self.resample = BlockUpsample(channels, factor)
        elif factor < 0:
            self.resample = conv2d(channels, channels, 3, stride=step, padding=1, bias=True)

    def construct(self, tokens, grid: tuple[int, int]):
        batch, length, width = tokens.shape
        # every patch sees the class token: patch first, class second
        patches = tokens[:, 1:]
        class_token = ops.tile(tokens[:, :1], (1, length - 1, 1))
        x = self.act(self.readout(ops.concat((patches, class_token), 2)))
        # (B, h w, C) → (B, C, h, w)
        x = ops.transpose(x, (0, 2, 1)).reshape(batch, width, grid[0], grid[1])
        x = self.project(x)
        if self.resample is not None:
            x = self.resample(x)
        return x
