"""What a training config may say, whatever is trained; each task adds its model and its data."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ms_ovs.config import Settings
from ms_ovs.training.groups import GroupSettings


class OptimizerSettings(Settings):
    """`lr` is the base rate. With `lr_batch` it is that of a batch of so many images a process, and grows
    with `batch_size`, as LSeg's does (0.004 at 16). `momentum` is SGD's, `betas` and `epsilon` Adam's."""

    name: Literal["sgd", "adam", "adamw"]
    lr: float = Field(gt=0)
    lr_batch: int | None = Field(default=None, gt=0)
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    epsilon: float = 1e-8
    weight_decay: float = 0.0


class ScheduleSettings(Settings):
    """The factor of the base rate over time (`ms_ovs.training.schedule`).

    `power` is that of "poly", `final` the last factor of "cosine"; "step" multiplies by `factor` at the
    shares `milestones` of the training. "poly" falls to the rate `min_lr`, no factor. It moves every step,
    or stays the same in each epoch (`per`). For the first `warmup` steps the factor also rises in a line
    from `warmup_start` to 1.
    """

    name: Literal["constant", "poly", "cosine", "step"] = "constant"
    per: Literal["step", "epoch"] = "step"
    power: float = 0.9
    min_lr: float = Field(default=0.0, ge=0)
    final: float = 0.0
    milestones: list[float] = Field(default_factory=list)
    factor: float = 0.1
    warmup: int = Field(default=0, ge=0)
    warmup_start: float = 0.0


class PrecisionSettings(Settings):
    """`level` O0: all in float32. O2: products in float16; norms, softmax, logits, losses, weights in
    float32.

    The loss is multiplied by `loss_scale` for the way back; "dynamic" finds the factor.
    """

    level: Literal["O0", "O2"] = "O0"
    loss_scale: Annotated[float, Field(gt=0)] | Literal["dynamic"] = 1.0


class ValidationSettings(Settings):
    """Validation after every `every` epochs (or steps, where the training is counted in steps) and at the
    end.

    `best` is the score by which the best checkpoint is chosen.
    """

    every: int = Field(default=1, gt=0)
    batch_size: int = Field(default=1, gt=0)
    best: str
    pictures: int = Field(default=4, ge=0)


class CheckpointSettings(Settings):
    """A checkpoint after every `every` epochs (or steps); the last `keep` stay.

    A disk that is full ends the training, or with `on_error: skip` costs that checkpoint alone.
    """

    every: int = Field(default=1, gt=0)
    keep: int = Field(default=1, gt=0)
    on_error: Literal["stop", "skip"] = "stop"


class TrainSettings(Settings):
    """The part of a training config that is the same for all tasks.

    Length is `epochs` or `steps`, one of them; with `stop_after` so many of them are done, on the schedule of
    the full length. `batch_size` is that of one process in one pass; a step takes
    `accumulate` passes. `on_bad_loss` says what becomes of a step whose gradients are not finite (without
    dynamic loss scale, where such steps are skipped in any case): "stop", or "skip" and count.
    """

    out: str
    device: str = "CPU"
    mode: Literal["graph", "pynative"] = "graph"
    seed: int = Field(default=0, ge=0)
    epochs: int | None = Field(default=None, gt=0)
    steps: int | None = Field(default=None, gt=0)
    stop_after: int | None = Field(default=None, gt=0)
    batch_size: int = Field(gt=0)
    accumulate: int = Field(default=1, gt=0)
    workers: int = Field(default=0, ge=0)
    on_bad_image: Literal["stop", "skip"] = "stop"
    on_bad_loss: Literal["stop", "skip"] = "stop"
    optimizer: OptimizerSettings
    groups: list[GroupSettings] = Field(default_factory=lambda: [GroupSettings(pattern="*")])
    schedule: ScheduleSettings = Field(default_factory=ScheduleSettings)
    clip_norm: float | None = Field(default=None, gt=0)
    precision: PrecisionSettings = Field(default_factory=PrecisionSettings)
    ema_decay: float | None = Field(default=None, gt=0, lt=1)
    sync_batch_norm: bool = True
    validation: ValidationSettings | None = None
    checkpoints: CheckpointSettings = Field(default_factory=CheckpointSettings)
    log_every: int = Field(default=20, gt=0)

    @model_validator(mode="after")
    def _one_length(self):
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(
                f"epochs is {self.epochs}, steps is {self.steps}: give one of them, null for the other"
            )
        return self

    @property
    def base_lr(self) -> float:
        """The base rate at this batch size."""
        optimizer = self.optimizer
        return (
            optimizer.lr
            if optimizer.lr_batch is None
            else optimizer.lr / optimizer.lr_batch * self.batch_size
        )
