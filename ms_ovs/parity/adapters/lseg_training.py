"""Cases of LSeg's training: real steps of the engine, held against the authors' steps."""

import re
from collections.abc import Mapping
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from convert import Entry, reverse_tensors
from convert.conversion import Conversion
from ms_ovs import config
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.lseg import encode
from ms_ovs.parity.adapters.weights import converted, filled_model
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit
from ms_ovs.training import engine
from ms_ovs.training.optimizer import SGD
from ms_ovs.training.schedule import factor_at
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.step import NetworkWithLoss, Pass
from ms_ovs.training.tasks import schema_of
from ms_ovs.vocab import labels

RECIPE = Path(__file__).parents[3] / "configs/lseg/vitb32_ade20k.yaml"
WORDS = "lseg/ade20k_150"


class TrainStepCase(schema.Case):
    """`lseg/train_step`"""

    inputs: dict[str, schema.Input]
    grad_norm_names: schema.Texts
    tolerance: dict[str, str]


def limits(case: Case) -> dict[str, Limit]:
    """The limit of every output, from the sentences of the case's tolerance."""
    said = {name: _numbers(text) for name, text in case.spec["tolerance"].items()}
    first, later = said["loss"]
    steps = case.arrays["loss"].size - 1
    by_kind = {
        "loss": Limit((first, *[later] * steps), "absolute"),
        "loss_float32": Limit((first, *[later] * steps), "absolute"),
        "grad_norm": Limit(said["grad_norm"][0], "relative"),
        "grad_norm_total": Limit(said["grad_norm"][0], "relative"),
        "grad": Limit(said["grad.*"][0], "norm"),
        "delta": Limit(said["delta.* and momentum.*"][0], "norm"),
        "momentum": Limit(said["delta.* and momentum.*"][0], "norm"),
        "scratch": Limit(said["running statistics"][0], "norm"),
        "lr_per_epoch": Limit(1e-9, "relative"),
    }
    return {output: by_kind[output.split(".")[0]] for output in case.descriptions}


def _numbers(text: str) -> list[float]:
    return [float(number) for number in re.findall(r"\d+e-\d+", text)]


def train_step(case: Case) -> Mapping[str, np.ndarray]:
    """Losses, gradients, momenta, changes of weights and batch-norm statistics of the recorded steps."""
    arguments = case.arguments
    settings = recipe(arguments)
    conversion = converted(case, system="lseg", variant=arguments["backbone"], options={})
    model = filled_model(conversion, origin=case.name)
    text = Tensor(encode(model, labels.parse(WORDS).names))
    batch = Tensor(case.input("input:train_image")), text, Tensor(_target(case))
    objective = NetworkWithLoss(model, PixelCrossEntropy())
    machinery = engine.build(settings, model, objective)
    last, untold = Tensor(True), Tensor(0, ms.float32)

    start = _values(model)
    losses, norms, momenta = [], [], []
    for _ in range(case.arrays["loss"].size - 1):
        done = Pass(*machinery.step(Tensor(settings.base_lr, ms.float32), last, untold, *batch))
        losses.append(float(done.loss))
        norms.append(float(done.norm))
        momenta.append(_momenta(machinery.optimizer))
    losses.append(float(objective(*batch)))
    end = _values(model)

    # at the first step the momentum is the gradient and the decay
    decay = settings.optimizer.weight_decay
    gradients = {name: momentum - decay * start[name] for name, momentum in momenta[0].items()}
    tensors = {
        "grad": _by_reference_name(conversion, gradients),
        "delta": _by_reference_name(conversion, {name: end[name] - start[name] for name in start}),
        "momentum": _by_reference_name(conversion, momenta[-1]),
    }
    ours = {f"{kind}.{name}": array for kind, arrays in tensors.items() for name, array in arrays.items()}
    ours |= _by_reference_name(conversion, end)
    grad_norms = [np.linalg.norm(ours[f"grad.{name}"]) for name in case.spec["grad_norm_names"]]
    ours["loss"] = ours["loss_float32"] = np.array(losses)
    ours["grad_norm"] = np.array(grad_norms)
    ours["grad_norm_total"] = np.array(norms[:1])
    ours["lr_per_epoch"] = rates(settings, epochs=len(case.arrays["lr_per_epoch"]))
    return ours


def recipe(arguments: Mapping) -> TrainSettings:
    """The authors' recipe as our config has it, at the numbers of the case."""
    said = {
        "optimizer.lr": arguments["base_lr"],
        "optimizer.weight_decay": arguments["weight_decay"],
        "batch_size": arguments["batch_size"],
        "epochs": arguments["max_epochs"],
        "accumulate": 1,  # the recorded steps are of one pass each
    }
    return config.load(RECIPE, schema_of, [f"{key}={value}" for key, value in said.items()])


def rates(settings: TrainSettings, *, epochs: int) -> np.ndarray:
    """Learning rates (epochs, 2): of the image side, and of the decoder."""
    learning = [group.lr_factor for group in settings.groups if not group.frozen]
    schedule, steps = settings.schedule, settings.epochs
    factors = [factor_at(schedule, epoch, steps=steps, steps_per_epoch=1) for epoch in range(epochs)]
    return np.array([[settings.base_lr * f * g for g in (min(learning), max(learning))] for f in factors])


def _target(case: Case) -> np.ndarray:
    """Blocks of labels as large as a cell of the coarsest map; 0 of the draw is the ignored -1."""
    drawn = case.input("input:train_labels").astype(np.int32) - 1
    factor = case.spec["inputs"]["input:train_image"]["shape"][-1] // drawn.shape[-1]
    return drawn.repeat(factor, 1).repeat(factor, 2)


def _values(model: nn.Cell) -> dict[str, np.ndarray]:
    return {name: parameter.asnumpy().copy() for name, parameter in model.parameters_and_names()}


def _momenta(optimizer: SGD) -> dict[str, np.ndarray]:
    pairs = zip(optimizer.parameters, optimizer.momenta, strict=True)
    return {parameter.name: momentum.asnumpy().copy() for parameter, momentum in pairs}


def _by_reference_name(conversion: Conversion, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Arrays by our names → by those of the reference, without the prefix of its files."""
    entries = conversion.tensors | {name: Entry.of(array) for name, array in arrays.items()}
    prefix = conversion.metadata["source_prefix"]
    back = reverse_tensors(entries, conversion.metadata).tensors
    return {
        name.removeprefix(prefix): entry.read()
        for name, entry in back.items()
        if name.removeprefix(prefix).split(".")[0] in ("pretrained", "scratch")
    }
