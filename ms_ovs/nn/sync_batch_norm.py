"""Batch norm over the batches of all processes. MindSpore's own runs on Ascend alone."""

from collections.abc import Callable

from mindspore import nn, ops


class SyncBatchNorm2d(nn.Cell):
    """What `norm`, an `nn.BatchNorm2d`, becomes when statistics are those of all processes.

    (B, C, H, W) → the same, float32; it takes over the parameters of `norm` with their names. In training
    mean and variance are those of all pixels of the `ranks` processes, each with equally many, and their
    gradients go through the sums; the running variance is the unbiased one. In evaluation it is `norm`.
    `reduce` sums a tensor over the processes.
    """

    def __init__(self, norm: nn.BatchNorm2d, *, ranks: int, reduce: Callable):
        super().__init__()
        self.gamma, self.beta = norm.gamma, norm.beta
        self.moving_mean, self.moving_variance = norm.moving_mean, norm.moving_variance
        self.epsilon = norm.eps
        self.share = norm.momentum  # of the new batch: `nn.BatchNorm2d` turns its argument round
        self.ranks = ranks
        self.reduce = reduce
        self.evaluate = ops.BatchNorm(is_training=False, epsilon=norm.eps)
        self.follow = ops.AssignAdd()

    def construct(self, x):
        if not self.training:
            return self.evaluate(x, self.gamma, self.beta, self.moving_mean, self.moving_variance)[0]
        channels = x.shape[1]
        count = self.ranks * x.shape[0] * x.shape[2] * x.shape[3]
        mean = self.reduce(ops.sum(x, (0, 2, 3))) / count
        # a second sum: the difference of mean square and squared mean would lose digits
        centred = x - mean.reshape(1, channels, 1, 1)
        variance = self.reduce(ops.sum(centred * centred, (0, 2, 3))) / count
        scale = self.gamma * ops.rsqrt(variance + self.epsilon)
        y = centred * scale.reshape(1, channels, 1, 1) + self.beta.reshape(1, channels, 1, 1)
        return ops.depend(y, self.track(ops.stop_gradient(mean), ops.stop_gradient(variance), count))

    def track(self, mean, variance, count):
        """Move the running averages."""
        unbiased = variance * (count / max(count - 1, 1))
        followed = self.follow(self.moving_mean, self.share * (mean - self.moving_mean))
        return followed, self.follow(self.moving_variance, self.share * (unbiased - self.moving_variance))


def synchronise(network: nn.Cell, ranks: int) -> None:
    """Replace every `nn.BatchNorm2d` inside the network, in place; all parameters stay as they are.

    For one of `ranks` processes that have been joined (`ms_ovs.distributed.join`); one alone needs nothing.
    """
    if ranks == 1:
        return
    reduce = ops.AllReduce()
    for _, cell in list(network.cells_and_names()):
        for name, child in cell.name_cells().items():
            if type(child) is nn.BatchNorm2d:
                # not setattr, which would put the prefix before the parameters' names a second time
                cell.insert_child_to_cell(
                    name, SyncBatchNorm2d(child, ranks=ranks, reduce=reduce).set_train(child.training)
                )
        if isinstance(cell, nn.SequentialCell):
            cell.cell_list = list(cell.cells())
