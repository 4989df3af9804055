"""Our side of training, on MindSpore."""

from collections.abc import Callable, Iterator
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from benchmarks import flops, recipe
from benchmarks.worker import Probe
from ms_ovs import config, runtime
from ms_ovs.data.loader import Batch, Loader
from ms_ovs.data.transforms import RandomCrop
from ms_ovs.distributed import World, join
from ms_ovs.errors import UserError
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.models import create_model
from ms_ovs.models.maskclip_plus.completion import UNLABELLED, TeacherLabels
from ms_ovs.training import engine, tasks
from ms_ovs.training.groups import GroupSettings
from ms_ovs.training.pseudo_labels import StudentLoss
from ms_ovs.training.settings import OptimizerSettings, TrainSettings
from ms_ovs.training.step import NetworkWithLoss

TINY = Path(__file__).parents[2] / "configs/lseg/tiny.yaml"


def step(variant: str, size: int, batch: int) -> Probe:
    """A step of LSeg on one batch, and its compilation, to be called first."""
    runtime.setup()
    network = create_model("lseg", variant=variant, seed=0)
    settings = TrainSettings(
        out="",
        steps=1,
        batch_size=batch,
        optimizer=OptimizerSettings(
            name="sgd", lr=recipe.RATE, momentum=recipe.MOMENTUM, weight_decay=recipe.DECAY
        ),
        groups=[GroupSettings(pattern="text.*", frozen=True), GroupSettings(pattern="*")],
    )
    compile_, run = _actions(settings, network)
    image, target = recipe.batch(batch, size)
    inputs = Tensor(image), _words(recipe.LABELS, network), Tensor(target)
    work = batch * flops.lseg_step(network.config, size, recipe.LABELS)
    actions = {"compile": lambda: compile_(*inputs), "run": lambda: run(*inputs)}
    return Probe(actions, {"labels": recipe.LABELS, "flops": work})


class _WordlessWithLoss(nn.Cell):
    """The loss of a network that takes images alone."""

    def __init__(self, network: nn.Cell, loss: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network
        self.loss = loss

    def construct(self, image, target):
        return self.loss(self.network(image), target)


def segformer_step(variant: str, size: int, batch: int) -> Probe:
    """A step of SegFormer on one batch, and its compilation, to be called first."""
    runtime.setup()
    network = create_model("segformer", variant=variant, seed=0, classes=recipe.LABELS)
    settings = TrainSettings(
        out="",
        steps=1,
        batch_size=batch,
        optimizer=OptimizerSettings(name="adamw", lr=recipe.ADAMW_RATE, weight_decay=recipe.ADAMW_DECAY),
        groups=[GroupSettings(pattern="*")],
    )
    compile_, run = _actions(settings, network, objective=_WordlessWithLoss(network, PixelCrossEntropy()))
    inputs = tuple(map(Tensor, recipe.batch(batch, size)))
    work = batch * flops.segformer_step(network.config, size)
    actions = {"compile": lambda: compile_(*inputs), "run": lambda: run(*inputs)}
    return Probe(actions, {"labels": recipe.LABELS, "flops": work})


def maskclip_plus_step(variant: str, size: int, batch: int) -> Probe:
    """A step of MaskCLIP+ on a batch without labels, with the teacher's part, or the student's alone."""
    runtime.setup()
    network = create_model("maskclip_plus", variant=variant, seed=0)
    config = network.config
    settings = TrainSettings(
        out="",
        steps=1,
        batch_size=batch,
        optimizer=OptimizerSettings(name="adamw", lr=recipe.ADAMW_RATE, weight_decay=recipe.ADAMW_DECAY),
        groups=[
            GroupSettings(pattern="teacher.*", frozen=True),
            GroupSettings(pattern="text_embeddings", frozen=True),
            GroupSettings(pattern="*"),
        ],
    )
    complete = TeacherLabels(network, np.arange(config.classes))
    compile_, run = _actions(settings, network, objective=StudentLoss(network, np.array([], np.int32)))
    image = Tensor(recipe.batch(batch, size)[0])
    unlabelled = Tensor(np.full((batch, size, size), UNLABELLED, np.int32))
    text = np.random.default_rng(0).standard_normal((config.classes, config.embed_dim), np.float32)
    text = Tensor(text / np.linalg.norm(text, axis=1, keepdims=True))
    by_itself = Tensor(False)
    labels = complete(image, text, unlabelled)
    actions = {
        "compile": lambda: compile_(image, text, labels, by_itself),
        "run": lambda: run(image, text, complete(image, text, unlabelled), by_itself),
        "student": lambda: run(image, text, labels, by_itself),
    }
    work = batch * (flops.maskclip(config.teacher, size) + flops.student_step(config, size))
    return Probe(actions, {"labels": config.classes, "flops": work})


def tiny(root: str) -> Probe:
    """Steps of the quickstart's LSeg on the embedded benchmark in `root`, alone or in a data-parallel run.

    Weights and words are random; images are read, cropped and learnt from as `ms-ovs train` does.
    """
    runtime.setup()
    world = join()
    settings = config.load(TINY, tasks.schema_of, [f"data.train.root={root}"])
    network = create_model("lseg", variant=settings.model.variant, seed=0, **settings.model.options)
    _, run = _actions(settings, network, world)
    dataset = settings.data.train.open("training")
    batches = _batches(settings, dataset, network.config, world)
    text = _words(len(dataset.vocabulary), network)

    def read_and_run() -> float:
        image, target = next(batches)
        return run(Tensor(image), text, Tensor(target))

    return Probe({"run": read_and_run}, {"images": settings.batch_size})


def _actions(
    settings: TrainSettings,
    network: nn.Cell,
    world: World | None = None,
    objective: nn.Cell | None = None,
) -> tuple[Callable[..., None], Callable[..., float]]:
    """Compiling the step, and taking it: both are called with the tensors of a batch.

    Without an `objective` images, class embeddings and targets are the batch.
    """
    world = world or World()
    objective = objective or NetworkWithLoss(network, PixelCrossEntropy())
    taken = engine.build(settings, network, objective, ranks=world.ranks).step
    arguments = Tensor(settings.base_lr, ms.float32), Tensor(True), Tensor(0.0, ms.float32)

    def run(*inputs: Tensor) -> float:
        loss, _, finite, _ = taken(*arguments, *inputs)
        if not bool(finite):  # such a step is not taken: its time says nothing
            raise UserError("the gradient of a measured step is not finite: lower the rate of the benchmark")
        return float(loss)

    return lambda *inputs: taken.compile(*arguments, *inputs), run


def _batches(settings, dataset, network, world: World) -> Iterator[Batch]:
    data = settings.data
    crop = RandomCrop(
        data.base_size, data.crop_size, network.mean, network.std, data.smallest, data.largest, data.mirror
    )
    loader = Loader(
        dataset, crop, batch_size=settings.batch_size, seed=settings.seed, rank=world.rank, ranks=world.ranks
    )
    epoch = 0
    while True:
        yield from loader.epoch(epoch)
        epoch += 1


def _words(count: int, network: nn.Cell) -> Tensor:
    """Class embeddings (count, D), random."""
    shape = count, network.config.text.embed_dim
    return Tensor(np.random.default_rng(0).standard_normal(shape, np.float32))
