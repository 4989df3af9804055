"""Schedules: by hand, and against torch's."""

import pytest
import torch

from ms_ovs.training.schedule import cosine, factor_at, poly, stepped
from ms_ovs.training.settings import ScheduleSettings

STEPS, PER_EPOCH = 40, 4


def factors(steps=STEPS, per_epoch=PER_EPOCH, **options):
    settings = ScheduleSettings(**options)
    return [factor_at(settings, step, steps=steps, steps_per_epoch=per_epoch) for step in range(steps)]


def torch_factors(schedule, count, **options):
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler = schedule(optimizer, **options)
    rates = []
    for _ in range(count):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def test_by_hand():
    assert [poly(0, power=0.9), poly(0.5, power=0.9), poly(1, power=0.9)] == [1, 0.5**0.9, 0]
    assert [cosine(done, final=0.2) for done in (0, 0.5, 1)] == pytest.approx([1, 0.6, 0.2])
    reached = [stepped(done, milestones=[0.5, 0.75], factor=0.1) for done in (0, 0.49, 0.5, 0.75, 1)]
    assert reached == pytest.approx([1, 1, 0.1, 0.01, 0.01])


SCHEDULES = torch.optim.lr_scheduler
PAIRS = [
    ({"name": "constant"}, SCHEDULES.ConstantLR, lambda n: {"factor": 1.0, "total_iters": n}),
    ({"name": "poly", "power": 0.9}, SCHEDULES.PolynomialLR, lambda n: {"total_iters": n, "power": 0.9}),
    ({"name": "cosine", "final": 0.1}, SCHEDULES.CosineAnnealingLR, lambda n: {"T_max": n, "eta_min": 0.1}),
    ({"name": "step", "milestones": [0.3, 0.7], "factor": 0.2}, SCHEDULES.MultiStepLR,
     lambda n: {"milestones": [n * 3 // 10, n * 7 // 10], "gamma": 0.2}),
]  # fmt: skip


@pytest.mark.parametrize("options, schedule, torch_options", PAIRS)
def test_every_step_as_torch(options, schedule, torch_options):
    assert factors(**options) == pytest.approx(
        torch_factors(schedule, STEPS, **torch_options(STEPS)), abs=1e-9
    )


@pytest.mark.parametrize("options, schedule, torch_options", PAIRS)
def test_every_epoch_as_torch(options, schedule, torch_options):
    epochs = STEPS // PER_EPOCH
    theirs = torch_factors(schedule, epochs, **torch_options(epochs))
    spread = [rate for rate in theirs for _ in range(PER_EPOCH)]
    assert factors(**options, per="epoch") == pytest.approx(spread, abs=1e-9)


def test_a_last_epoch_cut_short():
    # 10 steps in epochs of 4: three epochs, the last of two steps
    assert factors(10, 4, name="poly", power=1.0, per="epoch") == pytest.approx(
        [1] * 4 + [2 / 3] * 4 + [1 / 3] * 2
    )


def test_warm_up_multiplies():
    assert factors(10, name="poly", power=1.0, warmup=4)[:6] == pytest.approx(
        [0, 0.9 / 4, 0.8 / 2, 0.7 * 0.75, 0.6, 0.5]
    )
    rising = torch_factors(SCHEDULES.LinearLR, STEPS, start_factor=0.25, total_iters=5)
    assert factors(name="constant", warmup=5, warmup_start=0.25) == pytest.approx(rising)
    # inside an epoch, where the schedule itself does not move
    assert factors(name="cosine", per="epoch", warmup=2)[:3] == pytest.approx([0, 0.5, 1])


def test_poly_falls_to_a_rate():
    # mmcv: (lr - least) (1 - t/T)^0.9 + least
    settings = ScheduleSettings(name="poly", power=0.9, min_lr=1e-4)
    rates = [
        0.01 * factor_at(settings, t, steps=4000, steps_per_epoch=9, base_lr=0.01) for t in (0, 1000, 3999)
    ]
    assert rates == pytest.approx([0.01, 0.0099 * 0.75**0.9 + 1e-4, 0.0099 * (1 / 4000) ** 0.9 + 1e-4])


def test_warm_up_of_mmcv():
    # lr (1 - t/T) · (1 - (1 - t/1500) (1 - 1e-6)): of the decayed rate, not of the base
    settings = ScheduleSettings(name="poly", power=1.0, warmup=1500, warmup_start=1e-6)
    found = [factor_at(settings, t, steps=8000, steps_per_epoch=9) for t in (0, 749, 1499, 1500)]
    wanted = [(1 - t / 8000) * (1 - (1 - t / 1500) * (1 - 1e-6)) for t in (0, 749, 1499)]
    assert found == pytest.approx([*wanted, 1 - 1500 / 8000], rel=1e-9)
