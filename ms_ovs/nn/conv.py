"""Convolutions with every default that differs from PyTorch made explicit."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from ms_ovs.nn.kernels import built, kernel
from ms_ovs.nn.product import Product


class Conv2d(nn.Conv2d, Product):
    """MindSpore's convolution as a `Product`."""

    def convolve(self, x):
        """(B, inputs, H, W) → (B, outputs, H', W')."""
        x = self.conv2d(self.low(x), self.low(self.weight)).astype(ms.float32)
        return self.bias_add(x, self.bias) if self.has_bias else x

    def construct(self, x):
        return self.convolve(x)


class DepthwiseConv2d(Conv2d):
    """A 3×3 filter for each channel, of stride 1, with the padding that keeps the size.

    MindSpore's takes ten times as long on the CPU: it is a matrix product with one row for each channel.
    """

    def __init__(self, channels: int, *, dilation: int, **settings):
        super().__init__(channels, channels, 3, dilation=dilation, group=channels, **settings)
        self.fused = DepthwiseKernel(dilation) if built() else None
        self.no_bias = Tensor(np.zeros(channels, np.float32))

    def construct(self, x):
        if self.fused is None or self.half:
            return self.convolve(x)
        return self.fused(x, self.weight, self.bias if self.has_bias else self.no_bias)


class DepthwiseKernel(nn.Cell):
    """x (B, C, H, W), weight (C, 1, 3, 3), bias (C) → (B, C, H, W), by kernels of our own."""

    def __init__(self, dilation: int):
        super().__init__()
        self.dilation = Tensor([dilation], ms.float32)
        self.filtered = kernel("depthwise", lambda x, weight, bias, dilation: x)
        self.gradients = kernel(
            "depthwise_gradients", lambda x, weight, dilation, dout: (x, weight, weight[:1]), results=3
        )

    def construct(self, x, weight, bias):
        return self.filtered(x, weight, bias, self.dilation)

    def bprop(self, x, weight, bias, out, dout):
        return self.gradients(x, weight, self.dilation, dout)


def conv2d(
    inputs: int,
    outputs: int,
    kernel: int,
    *,
    stride: int = 1,
    padding: int = 0,
    dilation: int = 1,
    groups: int = 1,
    bias: bool = False,
) -> Conv2d:
    """A convolution with symmetric zero padding; weight (outputs, inputs / groups, kernel, kernel)."""
    settings = {
        "pad_mode": "pad",
        "padding": padding,
        "dilation": dilation,
        "has_bias": bias,
        "weight_init": "zeros",
        "bias_init": "zeros",
    }
    if (kernel, stride, padding) == (3, 1, dilation) and inputs == outputs == groups:
        return DepthwiseConv2d(inputs, **settings)
    return Conv2d(inputs, outputs, kernel, stride=stride, group=groups, **settings)
