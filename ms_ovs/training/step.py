"""One training step as one compiled graph."""

from typing import NamedTuple

import mindspore as ms
from mindspore import Parameter, ParameterTuple, Tensor, nn, ops, value_and_grad

from ms_ovs.nn.kernels import built, kernel
from ms_ovs.training.maps import assigned, emptied, multiplied, squared
from ms_ovs.training.optimizer import zeros_like

CLIP_EPSILON = 1e-6  # in the quotient, as in torch.nn.utils.clip_grad_norm_


class NetworkWithLoss(nn.Cell):
    """The loss of a dense network on a batch: images, class embeddings and targets in, a number out."""

    def __init__(self, network: nn.Cell, loss: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.loss = loss

    def construct(self, image, text, target):
        return self.loss(self.network(image, text), target)


class Pass(NamedTuple):
    """What a pass through the step gives, as tensors.

    `loss` is the mean over all processes, `norm` the 2-norm of the gradient of the step so far, before it is
    clipped, `finite` whether it is a number; `told` is above 0 if any process was told to end.
    """

    loss: Tensor
    norm: Tensor
    finite: Tensor
    told: Tensor


class TrainStep(nn.Cell):
    """Loss, gradients and update: `step(lr, last, told, *batch)` → a `Pass`.

    A step takes `accumulate` passes, whose mean gradient is used in the one that is called with `last` true,
    or not at all if it is not finite. `clip_norm` is the most that the gradient's norm may be. `scale`
    (`ms_ovs.training.precision.LossScale`) multiplies the loss, `average` follows the weights, `passes` are
    counted (`ms_ovs.training.dropping`). Of `ranks` processes, each with its own batch, the mean gradient is
    used.
    """

    def __init__(
        self,
        objective: nn.Cell,
        optimizer: nn.Cell,
        *,
        accumulate: int = 1,
        clip_norm: float | None = None,
        scale: nn.Cell | None = None,
        average: nn.Cell | None = None,
        passes: Parameter | None = None,
        ranks: int = 1,
    ):
        super().__init__(auto_prefix=False)
        self.objective, self.optimizer = objective, optimizer
        self.scale, self.average, self.passes = scale, average, passes
        self.accumulate, self.clip_norm, self.ranks = accumulate, clip_norm, ranks
        parameters = optimizer.parameters
        self.differentiate = value_and_grad(self.scaled_loss, None, parameters, has_aux=True)
        self.reduce = nn.DistributedGradReducer(parameters, True, ranks) if ranks > 1 else None
        self.sum = ops.AllReduce() if ranks > 1 else None
        self.sums = ParameterTuple(
            [zeros_like(p, "sum") for p in parameters] if accumulate > 1 else []
        )  # of the passes so far
        self.share = Tensor(1 / accumulate, ms.float32)
        self.map, self.add = ops.HyperMap(), ops.Add()
        self.squared = kernel("sum_of_squares", lambda x: ()) if built() else squared
        statistics = [p for p in objective.get_parameters() if ".moving_" in p.name]
        self.statistics = ParameterTuple(statistics)
        self.kept = ParameterTuple([Parameter(p.value(), f"kept.{p.name}", False) for p in statistics])

    def construct(self, lr, last, told, *batch):
        (_, loss), gradients = self.differentiate(*batch)
        if self.scale is not None:
            gradients = self.scale.unscaled(gradients)
        if self.ranks > 1:
            gradients = self.reduce(gradients)
            loss, told = ops.unstack(
                self.sum(ops.stack((loss, told))) / Tensor([self.ranks, 1.0], ms.float32)
            )
        if self.accumulate > 1:
            gradients = self.added(gradients)
        norm = self.norm(gradients)
        finite = ops.isfinite(norm)
        # a forward pass that is not finite has spoilt the statistics of batch norm
        done = self.copy(self.statistics, self.kept) if finite else self.copy(self.kept, self.statistics)
        if self.accumulate == 1:
            done = ops.depend(done, self.finish(gradients, norm, finite, lr))
        elif last:
            done = ops.depend(done, self.finish(gradients, norm, finite, lr))
            done = ops.depend(done, self.map(emptied, self.sums))
        else:
            done = ops.depend(done, self.copy(gradients, self.sums))
        if self.passes is not None:
            done = ops.depend(done, ops.assign_add(self.passes, 1))
        return ops.depend(loss, done), norm, finite, told

    def scaled_loss(self, *batch):
        loss = self.objective(*batch)
        return (loss if self.scale is None else self.scale.scaled(loss)), loss

    def added(self, gradients):
        """The sum of the passes so far, each with its share of the step."""
        return self.map(self.add, self.sums, self.map(ops.partial(multiplied, self.share), gradients))

    def norm(self, gradients):
        """The 2-norm of all gradients together."""
        return ops.sqrt(ops.addn(self.map(self.squared, gradients)))

    def finish(self, gradients, norm, finite, lr):
        """Take the step, unless a pass of it was not finite."""
        done = True
        if finite:
            done = self.update(gradients, norm, lr)
        if self.scale is not None:
            done = ops.depend(done, self.scale.update(finite))
        return done

    def update(self, gradients, norm, lr):
        """Clip, let the optimizer work, and let the average follow."""
        if self.clip_norm is not None:
            factor = ops.minimum(self.clip_norm / (norm + CLIP_EPSILON), Tensor(1.0, ms.float32))
            gradients = self.map(ops.partial(multiplied, factor), gradients)
        done = ops.depend(True, self.optimizer(gradients, lr))
        if self.average is not None:
            done = ops.depend(done, self.average())
        return done

    def copy(self, sources, targets):
        return True if len(sources) == 0 else self.map(assigned, targets, sources)
