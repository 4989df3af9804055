"""Two processes with half of the batch each learn what one learns from all of it.

Started by `msrun` (see `both`), this file is one of the processes.
"""

import csv
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.training.processes import two
from tests.training.runs import clip_config, few_shapes, lseg_config, saved, tiny_clip  # noqa: F401

WHOLE = {"labels.txt", "shapes.json", "images", "annotations"}


def work(config: str, folder: str) -> None:
    """Train in one process: leaves its first scores, its weights, and what the loop leaves."""
    from ms_ovs import runtime
    from ms_ovs.config import load
    from ms_ovs.distributed import join
    from ms_ovs.training import tasks
    from ms_ovs.training.loop import Trainer, train
    from ms_ovs.training.tasks import schema_of

    settings = load(config, schema_of)
    runtime.setup("CPU", settings.mode)
    world = join()
    here = Path(folder, f"of{world.ranks}", f"rank{world.rank}")
    trainers = []
    begin = Trainer.__init__

    def noted(trainer, *arguments):
        begin(trainer, *arguments)
        trainer.task.network.set_train(False)
        first = trainer.task.validate()
        np.save(here.with_suffix(".scores.npy"), [first.scores[name] for name in trainer.task.scores])
        trainer.task.objective.set_train(True)
        trainers.append(trainer)

    Trainer.__init__ = noted
    here.parent.mkdir(parents=True, exist_ok=True)
    # a folder for each process, so that it is seen who writes
    train(settings.model_copy(update={"out": str(here)}), world)
    (trainer,) = trainers
    weights = {name: p.asnumpy() for name, p in trainer.task.network.parameters_and_names()}
    states = {name: p.asnumpy() for name, p in trainer.engine.states.items()}
    np.savez(here.with_suffix(".npz"), **weights, **states)
    assert tasks


if __name__ == "__main__":
    work(*sys.argv[1:])
