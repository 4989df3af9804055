"""Cases of LSeg's training: real steps of the engine, held against the authors' steps."""

import re
from collections.abc import Mapping

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from convert import Entry, reverse_tensors
from convert.conversion import Conversion
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.lseg import encode
from ms_ovs.parity.adapters.weights import converted, filled_model
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit
from ms_ovs.training.groups import GroupSettings, group
from ms_ovs.training.optimizer import SGD
from ms_ovs.training.schedule import poly
from ms_ovs.training.step import NetworkWithLoss, TrainStep
from ms_ovs.vocab import labels

# the authors' groups: CLIP learns nothing, the image side at the base rate, the decoder at ten times
DECODER_FACTOR = 10.0
GROUPS = (
    GroupSettings(pattern="text.*", frozen=True),
    GroupSettings(pattern="image.*"),
    GroupSettings(pattern="reassemble*"),
    GroupSettings(pattern="*", lr_factor=DECODER_FACTOR),
)
MOMENTUM = 0.9
POWER = 0.9
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
    conversion = converted(case, system="lseg", variant=arguments["backbone"], options={})
    model = filled_model(conversion, origin=case.name)
    text = Tensor(encode(model, labels.parse(WORDS).names))
    batch = Tensor(case.input("input:train_image")), text, Tensor(_target(case))
    decay = arguments["weight_decay"]
    optimizer = SGD(group(model, GROUPS), momentum=MOMENTUM, weight_decay=decay)
    objective = NetworkWithLoss(model, PixelCrossEntropy()).set_train(True)
    step = TrainStep(objective, optimizer)
    base_lr = arguments["base_lr"] / 16 * arguments["batch_size"]

    start = _values(model)
    losses, norms, momenta = [], [], []
    for _ in range(case.arrays["loss"].size - 1):
        loss, norm = step(Tensor(base_lr, ms.float32), *batch)
        losses.append(float(loss))
        norms.append(float(norm))
        momenta.append(_momenta(optimizer))
    losses.append(float(objective(*batch)))
    end = _values(model)

    # at the first step the momentum is the gradient and the decay
    gradients = {name: momentum - decay * start[name] for name, momentum in momenta[0].items()}
    tensors = {
        "grad": _by_reference_name(conversion, gradients),
        "delta": _by_reference_name(conversion, {name: end[name] - start[name] for name in start}),
        "momentum": _by_reference_name(conversion, momenta[-1]),
    }
    ours = {f"{kind}.{name}": array for kind, arrays in tensors.items() for name, array in arrays.items()}
    ours |= _by_reference_name(conversion, end)
    grad_norms = [np.linalg.norm(ours[f"grad.{name}"]) for name in case.spec["grad_norm_names"]]
    epochs = arguments["max_epochs"]
    rates = [base_lr * poly(e / epochs, power=POWER) for e in range(len(case.arrays["lr_per_epoch"]))]
    ours["loss"] = ours["loss_float32"] = np.array(losses)
    ours["grad_norm"] = np.array(grad_norms)
    ours["grad_norm_total"] = np.array(norms[:1])
    ours["lr_per_epoch"] = np.array([[rate, DECODER_FACTOR * rate] for rate in rates])
    return ours


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
