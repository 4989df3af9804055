"""Learning rate over time, as a factor of the base rate: plain functions, evaluated outside the graph.

`done` is the finished share of training, 0 to 1.
"""

import math
from collections.abc import Sequence

from ms_ovs.training.settings import ScheduleSettings


def poly(done: float, *, power: float, least: float = 0.0) -> float:
    """(1 - least) (1 - done)^power + least."""
    return (1 - least) * (1 - done) ** power + least


def cosine(done: float, *, final: float) -> float:
    """Half a wave from 1 down to `final`."""
    return final + (1 - final) * (1 + math.cos(math.pi * done)) / 2


def stepped(done: float, *, milestones: Sequence[float], factor: float) -> float:
    """`factor` to the number of milestones, shares of training, that have been reached."""
    return factor ** sum(milestone <= done for milestone in milestones)


def factor_at(
    settings: ScheduleSettings, step: int, *, steps: int, steps_per_epoch: int, base_lr: float | None = None
) -> float:
    """The factor at optimizer step `step`, 0 to `steps` - 1.

    It is one of the rate `base_lr`, which is needed where the settings have a `min_lr`.
    With `per="epoch"` the schedule moves between epochs alone; a last epoch that is cut short counts as one.
    Warm-up moves every step, from `warmup_start` at step 0 to 1 at step `warmup`, and multiplies the
    schedule.
    """
    if settings.per == "epoch":
        done = (step // steps_per_epoch) / math.ceil(steps / steps_per_epoch)
    else:
        done = step / steps
    least = settings.min_lr / base_lr if settings.min_lr else 0.0
    return _scheduled(settings, done, least) * _warmth(settings, step)


def _scheduled(settings: ScheduleSettings, done: float, least: float) -> float:
    if settings.name == "poly":
        return poly(done, power=settings.power, least=least)
    if settings.name == "cosine":
        return cosine(done, final=settings.final)
    if settings.name == "step":
        return stepped(done, milestones=settings.milestones, factor=settings.factor)
    return 1.0


def _warmth(settings: ScheduleSettings, step: int) -> float:
    if step >= settings.warmup:
        return 1.0
    return settings.warmup_start + (1 - settings.warmup_start) * step / settings.warmup
