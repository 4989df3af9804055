"""Dense, convolution and batch norm with every default that differs from PyTorch made explicit."""

from mindspore import nn

BATCH_NORM_EPSILON = 1e-5


def linear(inputs: int, outputs: int, *, bias: bool = True) -> nn.Dense:
    """`x @ weight.T + bias`; weight (outputs, inputs)."""
    return nn.Dense(inputs, outputs, weight_init="zeros", bias_init="zeros", has_bias=bias)


def conv2d(
    inputs: int, outputs: int, kernel: int, *, stride: int = 1, padding: int = 0, bias: bool = False
) -> nn.Conv2d:
    """A convolution with symmetric zero padding; weight (outputs, inputs, kernel, kernel)."""
    return nn.Conv2d(
        inputs,
        outputs,
        kernel,
        stride=stride,
        pad_mode="pad",
        padding=padding,
        has_bias=bias,
        weight_init="zeros",
        bias_init="zeros",
    )


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """Batch norm; MindSpore's momentum 0.9 is PyTorch's 0.1."""
    return nn.BatchNorm2d(channels, eps=BATCH_NORM_EPSILON, momentum=0.9)
