"""What a config puts around a network and its loss: groups, optimizer, precision, average, the step."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from mindspore import Parameter, nn

from ms_ovs.nn.sync_batch_norm import synchronise
from ms_ovs.training import precision
from ms_ovs.training.average import MovingAverage
from ms_ovs.training.dropping import Dropping, drops
from ms_ovs.training.groups import group
from ms_ovs.training.optimizer import SGD, Adam, AdamW, Optimizer
from ms_ovs.training.precision import LossScale
from ms_ovs.training.settings import OptimizerSettings, TrainSettings
from ms_ovs.training.step import TrainStep


@dataclass(frozen=True)
class Engine:
    """A step, and the parts of it that remember something."""

    step: TrainStep
    optimizer: Optimizer
    scale: LossScale | None
    average: MovingAverage | None
    dropping: Dropping | None

    @property
    def states(self) -> dict[str, Parameter]:
        """Everything beside the weights that a resumed training needs, by name."""
        parts = (self.optimizer, self.scale, self.average, self.dropping)
        return {state.name: state for part in parts if part for state in part.states}

    def averaged(self) -> AbstractContextManager:
        """A context in which the network has its averaged weights, if they are kept."""
        return self.average.swapped() if self.average else nullcontext()


def build(
    settings: TrainSettings, network: nn.Cell, objective: nn.Cell, *, rank: int = 0, ranks: int = 1
) -> Engine:
    """The step that `settings` describes, for an `objective` (tensors of a batch → loss) over `network`.

    It is that of process `rank` of `ranks`.

    Raises `UserError` for groups that do not fit the network.
    """
    if ranks > 1 and settings.sync_batch_norm:
        synchronise(network, ranks)
    precision.apply(network, settings.precision.level)
    optimizer = _optimizer(settings.optimizer, group(network, settings.groups))
    scale = LossScale(settings.precision.loss_scale) if settings.precision.loss_scale != 1 else None
    average = MovingAverage(optimizer.parameters, decay=settings.ema_decay) if settings.ema_decay else None
    dropping = Dropping(network, seed=settings.seed, rank=rank) if drops(network) else None
    step = TrainStep(
        objective.set_train(True),
        optimizer,
        accumulate=settings.accumulate,
        clip_norm=settings.clip_norm,
        scale=scale,
        average=average,
        passes=dropping and dropping.passes,
        ranks=ranks,
    )
    return Engine(step, optimizer, scale, average, dropping)


def _optimizer(settings: OptimizerSettings, groups) -> Optimizer:
    if settings.name == "sgd":
        return SGD(groups, momentum=settings.momentum, weight_decay=settings.weight_decay)
    kind = {"adam": Adam, "adamw": AdamW}[settings.name]
    return kind(groups, betas=settings.betas, epsilon=settings.epsilon, weight_decay=settings.weight_decay)
