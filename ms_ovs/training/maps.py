"""Functions to map over a tuple of tensors: loops that grow one take the compiler more than linear time."""

from mindspore import ops

multiplied = ops.MultitypeFuncGraph("multiplied")  # (factor, tensor) → factor · tensor
squared = ops.MultitypeFuncGraph("squared")  # tensor → the sum of its squares


@multiplied.register("Tensor", "Tensor")
def _multiplied(factor, tensor):
    return factor * tensor


@squared.register("Tensor")
def _squared(tensor):
    # the CPU sums one axis three times faster than two
    flat = tensor.reshape(-1)
    return (flat * flat).sum()
