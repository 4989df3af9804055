"""What can be trained: one module a task, with the schema of its configs and the builder of its `Task`."""

from collections.abc import Mapping
from typing import Any

from ms_ovs.errors import UserError, choose
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.tasks import clip, lseg, lseg_zero_shot, maskclip_plus, maskclip_plus_settings

TASKS = {
    "clip": (clip.CLIPTraining, clip.build),
    "lseg": (lseg.LSegTraining, lseg.build),
    "lseg_zero_shot": (lseg_zero_shot.ZeroShotTraining, lseg_zero_shot.build),
    "maskclip_plus": (maskclip_plus_settings.MaskCLIPPlusTraining, maskclip_plus.build),
}


def schema_of(values: Mapping[str, Any]) -> type[TrainSettings]:
    """The schema for a config, by its `task`. Raises `UserError` where it names none that is known."""
    if "task" not in values:
        raise UserError(f"the config says no task: add one of {', '.join(TASKS)}, as in task: lseg")
    return TASKS[choose("task", str(values["task"]), TASKS)][0]


def build(settings: TrainSettings, world):
    """The task of a config that has been read by its schema."""
    return TASKS[settings.task][1](settings, world)
