"""Learning rate over time, as a factor of the base rate: plain functions, evaluated outside the graph.

`done` is the finished share of training, 0 to 1.
"""

import math
from collections.abc import Sequence

from ms_ovs.training.settings import ScheduleSettings


def poly(done: float, *, power: float) -> float:
    """(1 - done)^power."""
    return (1 - done) ** power


def cosine(done: float, *, final: float) -> float:
    """Half a wave from 1 down to `final`."""
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


def stepped(done: float, *, milestones: Sequence[float], factor: float) -> float:
    """`factor` to the number of milestones, shares of training, that have been reached."""
    return factor ** sum(milestone <= done for milestone in milestones)


def factor_at(settings: ScheduleSettings, step: int, *, steps: int, steps_per_epoch: int) -> float:
    """The factor at optimizer step `step`, 0 to `steps` - 1.

    With `per="epoch"` the schedule moves between epochs alone; a last epoch that is cut short counts as one.
    Warm-up moves every step, from `warmup_start` at step 0 to 1 at step `warmup`, and multiplies the
    schedule.
    """
    if settings.per == "epoch":
        done = (step // steps_per_epoch) / math.ceil(steps / steps_per_epoch)
    else:
        done = step / steps
    return _scheduled(settings, done) * _warmth(settings, step)


def _scheduled(settings: ScheduleSettings, done: float) -> float:
    if settings.name == "poly":
        return poly(done, power=settings.power)
    if settings.name == "cosine":
        return cosine(done, final=settings.final)
    if settings.name == "step":
        return stepped(done, milestones=settings.milestones, factor=settings.factor)
    return 1.0


def _warmth(settings: ScheduleSettings, step: int) -> float:
    if step >= settings.warmup:
        return 1.0
    return settings.warmup_start + (1 - settings.warmup_start) * step / settings.warmup
