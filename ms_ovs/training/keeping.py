"""What a run leaves in its folder for later: checkpoints to go on from, and weights to use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mindspore import Tensor

from ms_ovs.errors import UserError
from ms_ovs.models import saving
from ms_ovs.training import checkpoints
from ms_ovs.training.engine import Engine
from ms_ovs.training.task import Task

CONFIG = "config.yaml"
BEST, LAST = "best.safetensors", "last.safetensors"


def found(folder: Path, *, resume: bool) -> checkpoints.Saved | None:
    """The newest checkpoint of a run that is to go on; None for one that begins.

    Raises `UserError` where a run would begin in the folder of another.
    """
    newest = checkpoints.latest(folder)
    if newest and not resume:
        raise UserError(
            f"{str(folder)!r} holds a training already ({newest.path.name}): go on with --resume, "
            "or name another folder with --set out=FOLDER"
        )
    return newest


class Keeper:
    """Saves and restores a task's network with what its engine remembers.

    Of a network whose weights are averaged, the averages are the weights of a checkpoint, since they are
    those to use, and what they were averaged from is a state.
    """

    def __init__(self, folder: Path, task: Task, engine: Engine, *, keep: int):
        self.folder, self.task, self.engine, self.keep = folder, task, engine, keep

    @property
    def newest(self) -> str:
        """What a message calls the newest checkpoint."""
        newest = checkpoints.latest(self.folder)
        return str(newest.path) if newest else "none yet"

    def save(self, step: int, facts: Mapping[str, Any], *, best: bool) -> None:
        """Write a checkpoint; its weights are also those of the last, and of the best if they are.

        Raises `UserError` where it cannot be written; those before it stay.
        """
        task = self.task
        with self.engine.averaged():
            path = checkpoints.write(
                self.folder,
                step,
                model=saving.tensors(task.network, task.carried),
                metadata=saving.metadata(
                    task.system, task.variant, task.options, started_from=task.started_from
                ),
                state={name: state.asnumpy() for name, state in self.engine.states.items()},
                facts=facts,
            )
        for name in (LAST, BEST) if best else (LAST,):
            checkpoints.export(path, self.folder / name)
        checkpoints.prune(self.folder, self.keep, newest=path)

    def restore(self, saved: checkpoints.Saved) -> None:
        """Set weights and states. Raises `UserError` where they do not fit: the config is another."""
        weights = dict(self.task.network.parameters_and_names())
        with self.engine.averaged():
            for parameters, arrays in ((weights, saved.model), (self.engine.states, saved.state)):
                for name, parameter in parameters.items():
                    if name not in arrays or arrays.entries[name].shape != parameter.shape:
                        raise UserError(
                            f"the checkpoint of step {saved.step} does not fit the config at {name}: resume "
                            f"with the config that the run was started with, {self.folder / CONFIG}"
                        )
                    parameter.set_data(Tensor(arrays[name]))
        step = self.engine.step
        for statistic, kept in zip(step.statistics, step.kept, strict=True):
            kept.set_data(Tensor(statistic.asnumpy()))
