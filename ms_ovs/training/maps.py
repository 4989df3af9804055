"""Functions to map over tuples of tensors: a loop over some hundred takes the compiler more than linear time.

Those that change a parameter must have their result used (`ops.depend`): else the change is dropped.
"""

from mindspore import ops


def multiplied(factor, tensor):
    """factor · tensor"""
    return factor * tensor


def squared(tensor):
    """The sum of the squares."""
    # the CPU sums one axis three times faster than two
    flat = tensor.reshape(-1)
    return (flat * flat).sum()


def assigned(target, source):
    """The parameter `target` becomes `source`."""
    return ops.assign(target, source)


def emptied(target):
    """The parameter `target` becomes zero."""
    return ops.assign(target, ops.zeros_like(target))


def drawn_near(share, target, source):
    """The parameter `target` goes by `share` of the way to `source`."""
    return ops.assign_sub(target, share * (target - source))
