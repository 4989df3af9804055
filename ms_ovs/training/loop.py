"""The training loop: what happens, in the order in which it happens."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor

from ms_ovs import config
from ms_ovs.data.loader import Batch
from ms_ovs.distributed import World
from ms_ovs.errors import UserError, choose
from ms_ovs.training import checkpoints, engine, keeping, tasks
from ms_ovs.training.logs import Log
from ms_ovs.training.schedule import factor_at
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.step import Pass
from ms_ovs.training.stopping import Told, told_to_end


@dataclass(frozen=True)
class Outcome:
    """How a training ended: `finished`, or told to end before; scores of the last validation by name."""

    folder: Path
    step: int
    finished: bool
    scores: dict[str, float]


def train(settings: TrainSettings, world: World, *, resume: bool = False) -> Outcome:
    """Train as `settings` say, in the folder `settings.out`, from the start or from its last checkpoint.

    MindSpore is set up before (`ms_ovs.runtime`). Raises `UserError` for settings, data and files that do not
    fit, a folder that holds a run already, and a loss that is not finite; what was saved before stays.
    """
    folder = Path(settings.out)
    saved = keeping.found(folder, resume=resume)
    trainer = Trainer(settings, world, folder)
    if saved:
        trainer.restore(saved)
    elif world.main:
        config.save(settings, folder / keeping.CONFIG)
    with trainer.log, trainer.task.loader, told_to_end() as told:
        return trainer.run(told)


class Trainer:
    """A training between its first step and its last."""

    def __init__(self, settings: TrainSettings, world: World, folder: Path):
        self.settings, self.world, self.folder = settings, world, folder
        self.task = tasks.build(settings, world)
        self.engine = engine.build(
            settings, self.task.network, self.task.objective, rank=world.rank, ranks=world.ranks
        )
        self.per_epoch = len(self.task.loader) // settings.accumulate
        if not self.per_epoch:
            raise UserError(
                f"an epoch has {len(self.task.loader)} batches, a step takes accumulate = "
                f"{settings.accumulate}: give more samples or accumulate less"
            )
        self.steps = (settings.epochs or settings.steps) * self.unit
        self.stop = self.steps
        if settings.stop_after:
            self.stop = min(self.steps, settings.stop_after * self.unit)
        if self.task.validate:
            choose("score in validation.best", settings.validation.best, self.task.scores)
        self.step = 0  # steps done
        self.skipped = 0  # steps that were not taken because their gradient was not finite
        self.best: float | None = None
        self.scores: dict[str, float] = {}
        self.keeper = keeping.Keeper(folder, self.task, self.engine, keep=settings.checkpoints.keep)
        self.log = Log(folder, total=self.stop, every=settings.log_every, main=world.main)

    @property
    def unit(self) -> int:
        """Steps in what the config counts in: an epoch, or a step."""
        return self.per_epoch if self.settings.epochs else 1

    def run(self, told: Told) -> Outcome:
        """Steps, with validation and checkpoints between them, until the last or until told to end."""
        settings = self.settings
        batches = self.batches()
        if self.step < self.stop:
            first = next(batches)
            self.compile(first)
            batches = itertools.chain([first], batches)
        ended = False
        while self.step < self.stop and not ended:
            ended = self.take(batches, told)
            validates = self.task.validate and not ended and self.due(settings.validation.every)
            best = validates and self.validate()
            if best or ended or self.due(settings.checkpoints.every):
                self.save(best=best)
        return Outcome(self.folder, self.step, self.step == self.stop, self.scores)

    def due(self, every: int) -> bool:
        """Whether something that happens every so often happens after this step."""
        return self.step % (every * self.unit) == 0 or self.step == self.stop

    def batches(self) -> Iterator[Batch]:
        """The batches of all epochs from the present step on."""
        accumulate = self.settings.accumulate
        epoch, done = divmod(self.step, self.per_epoch)
        while True:
            left = (self.per_epoch - done) * accumulate
            for _, batch in zip(range(left), self.task.loader.epoch(epoch, done * accumulate), strict=False):
                yield batch
            epoch, done = epoch + 1, 0

    def compile(self, batch: Batch) -> None:
        """Compile the step for the shapes of a batch, and say how long it took."""
        if ms.get_context("mode") != ms.GRAPH_MODE:
            return
        start = time.perf_counter()
        with self.log.compiling():
            self.engine.step.compile(*self.arguments(0.0, True, Told()), *self.task.inputs(batch))
        self.log.note(f"compiled the training step in {time.perf_counter() - start:.1f} s")

    def arguments(self, lr: float, last: bool, told: Told) -> tuple[Tensor, Tensor, Tensor]:
        """What the compiled step is given beside the batch."""
        return Tensor(lr, ms.float32), Tensor(last), Tensor(float(told.yes), ms.float32)

    def take(self, batches: Iterator[Batch], told: Told) -> bool:
        """One step; True if some process was told to end."""
        settings, accumulate = self.settings, self.settings.accumulate
        base = settings.base_lr
        lr = base * factor_at(
            settings.schedule, self.step, steps=self.steps, steps_per_epoch=self.per_epoch, base_lr=base
        )
        losses = []
        for number in range(accumulate):
            inputs = self.task.inputs(next(batches))
            done = Pass(*self.engine.step(*self.arguments(lr, number == accumulate - 1, told), *inputs))
            losses.append(float(done.loss))
            self.task.passed()
        self.step += 1
        if not bool(done.finite):
            self.refuse(losses)
        self.log.step(
            self.step,
            epoch=(self.step - 1) / self.per_epoch,
            loss=float(np.mean(losses)),
            grad_norm=float(done.norm),
            lr=lr,
            images=settings.batch_size * accumulate * self.world.ranks,
            scale=float(self.engine.scale.value) if self.engine.scale else 1.0,
            skipped=self.skipped,
            unread=len(set(self.task.loader.skipped)),
        )
        return float(done.told) > 0

    def refuse(self, losses: list[float]) -> None:
        """A step whose gradient was not finite was not taken: count it, or end."""
        settings = self.settings
        self.skipped += 1
        if settings.precision.loss_scale == "dynamic" or settings.on_bad_loss == "skip":
            return
        raise UserError(
            f"the gradient of step {self.step} is not finite (loss {np.mean(losses):.4g}); the last "
            f"checkpoint is {self.keeper.newest}: lower optimizer.lr, set clip_norm, or pass over such "
            "steps with on_bad_loss: skip"
        )

    def validate(self) -> bool:
        """Score the network, with averaged weights if there are; whether it is the best so far."""
        start = time.perf_counter()
        with self.engine.averaged():
            self.task.network.set_train(False)
            found = self.task.validate()
            self.task.objective.set_train(True)
        self.scores = dict(found.scores)
        self.log.validation(self.step, **self.scores, seconds=time.perf_counter() - start)
        if found.picture:
            self.log.picture(self.step, "predictions", found.picture)
        wanted = self.settings.validation.best
        better = self.best is None or self.scores[wanted] > self.best
        if better:
            self.best = self.scores[wanted]
        return better

    def save(self, *, best: bool) -> None:
        """A checkpoint of everything, by the main process."""
        if not self.world.main:
            return
        facts = {"best": self.best, "skipped": self.skipped, "scores": self.scores}
        try:
            self.keeper.save(self.step, facts, best=best)
        except UserError as error:
            if self.settings.checkpoints.on_error == "stop":
                raise
            self.log.note(f"no checkpoint at step {self.step}: {error}")

    def restore(self, saved: checkpoints.Saved) -> None:
        """Go back to the end of the step at which a checkpoint was written."""
        self.keeper.restore(saved)
        self.step, self.scores = saved.step, dict(saved.facts["scores"])
        self.best, self.skipped = saved.facts["best"], saved.facts["skipped"]
        self.task.resumed(self.step * self.settings.accumulate)
        self.log.resume(self.step)
