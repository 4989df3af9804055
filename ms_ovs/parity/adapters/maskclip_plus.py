"""Cases of MaskCLIP+: real steps of the engine, and its parts, held against the authors' program."""

import json
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from convert import Entry, reverse_tensors
from convert.conversion import Conversion
from convert.variants import config_of
from ms_ovs import config
from ms_ovs.models.checkpoint import fill
from ms_ovs.models.maskclip_plus.completion import TeacherFeatures, TeacherLabels
from ms_ovs.models.maskclip_plus.model import MaskCLIPPlus
from ms_ovs.models.maskclip_plus.variants import DEEPLAB_V2
from ms_ovs.models.registry import create_model
from ms_ovs.nn.resize import bilinear
from ms_ovs.nn.taps import Taps
from ms_ovs.parity.adapters import maskclip_plus_cases as cases
from ms_ovs.parity.adapters.weights import converted
from ms_ovs.parity.case import Case
from ms_ovs.parity.labels import decided
from ms_ovs.training import engine
from ms_ovs.training.engine import Engine
from ms_ovs.training.pseudo_labels import DistillationLoss, StudentLoss
from ms_ovs.training.schedule import factor_at
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.stages import Stages, StageSettings
from ms_ovs.training.step import Pass
from ms_ovs.training.tasks import schema_of

SYSTEM = "maskclip_plus"
RECIPES = Path(__file__).parents[3] / "configs/maskclip_plus"
# the recipes with the groups that belong to an optimizer
RECIPE = {"SGD": "vit_b16_deeplabv2_r101_context59.yaml", "AdamW": "vit_b16_segformer_b0_context59.yaml"}
STAGES = {f"layer{number}": f"stage{number}" for number in (1, 2, 3, 4)}  # what the cases call them
DROP_PATH = "model.backbone.drop_path_rate"  # of the authors' configs
DECODE = "decode_head.decode_module."
FUSION = f"{DECODE}fusion_conv"


class Student:
    """The network of a case with its weights, its words, and the way back to the names of the case."""

    def __init__(self, case: Case):
        self.case, self.config = case, cases.config_of(case)
        self.conversion: Conversion = converted(
            case, system=SYSTEM, options={"norm_feat": True} if self.config.norm_feat else {}
        )
        self.network = _network(case, self.conversion)
        self.text = Tensor(self.network.text_embeddings.asnumpy())

    def evaluated(self) -> dict[str, np.ndarray]:
        """Every named stage for `input:image_eval`, where the case has it, in evaluation mode."""
        if "input:image_eval" not in self.case.spec["inputs"]:
            return {}
        image = Tensor(self.case.input("input:image_eval"))
        taps = Taps(self.network.set_train(False)).named(image, self.text)
        ours = {f"eval.{STAGES.get(name, name)}": tensor.asnumpy() for name, tensor in taps.items()}
        if "eval.labels" in self.case.descriptions:
            ours["eval.labels"] = decided(self.case, "eval.labels", ours["eval.upsampled"])
        return ours

    def labelling(self, **thresholds: float) -> TeacherLabels:
        """The teacher's part, of the candidates of the case."""
        given = self.config.clip_unlabeled_cats
        candidates = range(self.network.config.channels) if given is None else given
        return TeacherLabels(self.network, np.array(candidates), **thresholds)

    def batch(self, step: int) -> tuple[Tensor, Tensor]:
        """Images and target of a step."""
        return (
            Tensor(self.case.input(f"input:image_{step}")),
            Tensor(cases.Annotations(self.case)(step)),
        )

    def by_reference_name(self, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Arrays by our names → by those of the reference."""
        entries = self.conversion.tensors | {name: Entry.of(array) for name, array in arrays.items()}
        back = reverse_tensors(entries, self.conversion.metadata).tensors
        prefix = self.conversion.metadata["source_prefix"]
        return {name.removeprefix(prefix): entry.read() for name, entry in back.items()}

    def values(self) -> dict[str, np.ndarray]:
        """What the network holds, by our names."""
        return {name: p.asnumpy().copy() for name, p in self.network.parameters_and_names()}


def _network(case: Case, conversion: Conversion) -> MaskCLIPPlus:
    """The network with its weights, and what these do not tell: heads, and how often branches are dropped."""
    metadata = conversion.metadata
    options = json.loads(metadata["options"])
    said = case.spec["config"].get("student", {})
    known = {"heads": said.get("num_heads"), "drop_path": case.spec.get("overrides", {}).get(DROP_PATH)}
    fields = {name: value for name, value in known.items() if value is not None}
    if fields:
        found = config_of(SYSTEM, metadata["variant"], options)
        options["backbone"] = asdict(replace(found.backbone, **fields))
    network = create_model(SYSTEM, variant=metadata["variant"], seed=None, **options)
    fill(network, conversion.tensors, origin=case.name)
    return network


class Recorded(nn.Cell):
    """A student's loss, which also keeps the scores and the labels of its last forward."""

    def __init__(self, objective: StudentLoss, image: tuple[int, ...]):
        super().__init__(auto_prefix=False)
        self.objective = objective
        config = objective.network.config
        grid = tuple(-(-side // (8 if config.head == DEEPLAB_V2 else 4)) for side in image[2:])
        scores = np.zeros((image[0], config.channels, *grid), np.float32)
        labels = np.zeros((image[0], *image[2:]), np.int32)
        self.scores = Parameter(scores, name="recorded.scores", requires_grad=False)
        self.labels = Parameter(labels, name="recorded.labels", requires_grad=False)

    def construct(self, image, text, target, self_training):
        loss, scores, labels = self.objective.parts(image, text, target, self_training)
        kept = ops.assign(self.scores, ops.stop_gradient(scores)), ops.assign(self.labels, labels)
        return ops.depend(loss, kept)

    def accuracy(self) -> float:
        """Percent of all pixels of the last forward that have their label; ignored ones have not."""
        scores = Tensor(self.scores.asnumpy())
        labels = self.labels.asnumpy()
        best = bilinear(scores, labels.shape[1:], align_corners=False).asnumpy().argmax(1)
        return 100 * float((best == labels).mean())


class Trajectory:
    """The steps of a case from its first weights: what each of them gave."""

    def __init__(self, student: Student, *, first_step: int, count: int):
        self.student = student
        self.settings = recipe(student.config)
        network, found = student.network, student.config
        self.stages = Stages(stage_settings(found))
        thresholds = {
            "ks_thresh": found.ks_thresh,
            "pd_thresh": found.pd_thresh,
            "conf_thresh": found.conf_thresh,
        }
        labelling = student.labelling(**thresholds)
        own = found.unlabeled_cats if self.stages.settings.self_training else []
        objective = StudentLoss(network, np.array(own), conf_thresh=found.conf_thresh)
        self.recorded = Recorded(objective, student.batch(0)[0].shape)
        self.start = student.values()
        self.machinery = engine.build(self.settings, network, self.recorded)
        self.losses: list[float] = []
        self.accuracies: list[float] = []
        self.labels: list[np.ndarray] = []
        self.gradients: dict[str, np.ndarray] = {}
        for step in range(count):
            image, target = student.batch(step)
            if self.stages.guided:
                target = labelling(image, student.text, target)
            lr = Tensor(rate(self.settings, first_step + step), ms.float32)
            flag = Tensor(self.stages.self_training, ms.bool_)
            inputs = image, student.text, target, flag
            done = Pass(*self.machinery.step(lr, Tensor(True), Tensor(0, ms.float32), *inputs))
            self.losses.append(float(done.loss))
            self.accuracies.append(self.recorded.accuracy())
            self.labels.append(cases.as_theirs(self.recorded.labels.asnumpy()))
            if not step:
                self.logits = self.recorded.scores.asnumpy().copy()
                self.gradients = first_gradients(self.machinery, self.settings, self.start)
            self.stages.passed()
        self.rates = [rates(self.settings, first_step + step) for step in range(count)]

    def gradient_norms(self, output: str) -> np.ndarray:
        """Norms of the first step's gradients, of the tensors that the output's description names."""
        gradients = self.student.by_reference_name(self.gradients)
        return np.array([np.linalg.norm(gradients[n]) for n in cases.listed(self.student.case, output)])

    def weights(self) -> dict[str, np.ndarray]:
        """What the network holds after the steps, by the reference's names."""
        return self.student.by_reference_name(self.student.values())


def first_gradients(machinery: Engine, settings: TrainSettings, start: Mapping) -> dict[str, np.ndarray]:
    """The gradients of the first step, out of what the optimizer remembers of it."""
    optimizer = machinery.optimizer
    if settings.optimizer.name == "sgd":
        decay = np.float32(settings.optimizer.weight_decay)
        pairs = zip(optimizer.parameters, optimizer.momenta, strict=True)
        return {p.name: momentum.asnumpy() - decay * start[p.name] for p, momentum in pairs}
    share = 1 - settings.optimizer.betas[0]
    pairs = zip(optimizer.parameters, optimizer.first, strict=True)
    return {parameter.name: first.asnumpy() / share for parameter, first in pairs}


def recipe(found: cases.Config) -> TrainSettings:
    """The authors' recipe as our config has it, at the numbers of the case."""
    optimizer, schedule = found.optimizer, found.schedule
    path = RECIPES / RECIPE[optimizer.type]
    said = {
        "optimizer.lr": optimizer.lr,
        "optimizer.weight_decay": optimizer.weight_decay,
        "schedule.power": schedule.power,
        "schedule.min_lr": schedule.min_lr,
        "schedule.warmup": schedule.warmup_iters if schedule.warmup else 0,
        "schedule.warmup_start": schedule.warmup_ratio,
        "steps": schedule.max_iters,
    }
    if optimizer.type == "SGD":
        said["optimizer.momentum"] = optimizer.momentum
    else:
        said["optimizer.epsilon"] = optimizer.eps
        said["optimizer.betas"] = list(optimizer.betas)
        patterns = [group["pattern"] for group in config.resolve(path)["groups"]]
        said[f"groups.{patterns.index('head.*')}.lr_factor"] = optimizer.decode_head_lr_multiplier
    return config.load(path, schema_of, [f"{key}={value}" for key, value in said.items()])


def stage_settings(found: cases.Config) -> StageSettings:
    """The stages of a case: a negative end is none, a negative start never."""

    def ours(given: tuple[int, int]) -> tuple[int, int | None] | None:
        first, last = given
        return None if first < 0 else (first, None if last < 0 else last)

    return StageSettings(guided=ours(found.start_clip_guided), self_training=ours(found.start_self_train))


def rate(settings: TrainSettings, step: int) -> float:
    """The base rate of a step."""
    base = settings.base_lr
    return base * factor_at(settings.schedule, step, steps=settings.steps, steps_per_epoch=1, base_lr=base)


def rates(settings: TrainSettings, step: int) -> list[float]:
    """The rates of the groups at a step: of SGD one, of AdamW that of the backbone and that of the head."""
    factors = {group.lr_factor for group in settings.groups if not group.frozen}
    return [rate(settings, step) * factor for factor in sorted(factors)]


def schedule(case: Case, settings: TrainSettings, unit: float) -> dict[str, np.ndarray]:
    """The rates, times `unit`, at the iterations that the case names."""
    if "schedule" not in case.descriptions:
        return {}
    found = [rates(settings, step) for step in cases.iterations(case, "schedule")]
    return {"schedule": unit * np.array(found).squeeze()}


def deeplabv2(case: Case) -> Mapping[str, np.ndarray]:
    """A student in evaluation, pseudo labels by several thresholds, and steps."""
    student = Student(case)
    ours = student.evaluated()
    image, target = student.batch(0)
    for output in case.descriptions:
        thresholds = cases.refined(output)
        if thresholds and output not in ours:
            labels = cases.as_theirs(student.labelling(**thresholds)(image, student.text, target).asnumpy())
            name = output.removesuffix(".histogram")
            ours |= {name: labels, f"{name}.histogram": cases.histogram(labels)}
    steps = Trajectory(student, first_step=0, count=case.arrays["loss"].size)
    after = steps.weights()
    last = max(int(name.split(".")[2]) for name in after if name.startswith("backbone.layer4."))
    return {
        **ours,
        **_steps(steps),
        "after.aspp0_bn_running_mean": after[f"{DECODE}aspp_modules.0.bn.running_mean"],
        "after.layer4_conv": after[f"backbone.layer4.{last}.conv3.weight"],
        **schedule(case, steps.settings, 1e3),
    }


def zero_shot(case: Case) -> Mapping[str, np.ndarray]:
    """Steps through both stages, and the labels of each."""
    steps = Trajectory(Student(case), first_step=0, count=case.arrays["loss"].size)
    ours = _steps(steps)
    for step, labels in enumerate(steps.labels):
        ours |= {f"labels_{step}": labels, f"histogram_{step}": cases.histogram(labels)}
    return {**ours, "counter": np.array([steps.stages.counter]), **schedule(case, steps.settings, 1e3)}


def _steps(steps: Trajectory) -> dict[str, np.ndarray]:
    return {
        "train.logits": steps.logits,
        "loss": np.array(steps.losses),
        "acc": np.array(steps.accuracies),
        "lr": np.array(steps.rates),
        "gradient_norms": steps.gradient_norms("gradient_norms"),
    }


def segformer(case: Case) -> Mapping[str, np.ndarray]:
    """A student in evaluation, and two trajectories: from the first iteration and behind the warm-up."""
    student = Student(case)
    ours = student.evaluated()
    image, _ = student.batch(0)
    found = student.config
    scores = TeacherScores(student.labelling(ks_thresh=found.ks_thresh, pd_thresh=found.pd_thresh))
    ours["teacher.scores"] = scores(image, student.text).asnumpy()
    warm = Trajectory(student, first_step=0, count=case.arrays["warmup.loss"].size)
    labels = warm.labels[0]
    ours |= {
        "train.logits": warm.logits,
        "pseudo_labels": labels,
        "pseudo_label_histogram": cases.histogram(labels),
        "gradient_norms": warm.gradient_norms("gradient_norms"),
    }
    full = Trajectory(
        Student(case), first_step=found.schedule.warmup_iters, count=case.arrays["full.loss"].size
    )
    for name, steps in (("warmup", warm), ("full", full)):
        ours |= {
            f"{name}.loss": np.array(steps.losses),
            f"{name}.acc": np.array(steps.accuracies),
            f"{name}.lr": np.array(steps.rates),
        }
    start, end = full.student.by_reference_name(full.start), full.weights()
    names = cases.listed(case, "gradient_norms")
    return {
        **ours,
        "full.update_norms": np.array([np.linalg.norm(end[name] - start[name]) for name in names]),
        "full.fusion_bn_running_mean": end[f"{FUSION}.bn.running_mean"],
        "full.fusion_bn_running_var": end[f"{FUSION}.bn.running_var"],
        "full.fusion_weight": end[f"{FUSION}.conv.weight"],
        **schedule(case, warm.settings, 1e6),
    }


class TeacherScores(nn.Cell):
    """The teacher's refined scores, as a graph of its own."""

    def __init__(self, labels: TeacherLabels):
        super().__init__(auto_prefix=False)
        self.labels = labels

    def construct(self, image, text):
        return self.labels.scores(image, text)


def distill(case: Case) -> Mapping[str, np.ndarray]:
    """The losses of one step of the distillation variant, and its gradients."""
    student = Student(case)
    found = student.config
    settings = recipe(found)
    image, target = student.batch(0)
    taught = TeacherFeatures(student.network)(image)
    objective = RecordedParts(
        DistillationLoss(student.network, weight=found.distill_weight, labelled=found.distill_labeled)
    )
    start = student.values()
    machinery = engine.build(settings, student.network, objective)
    inputs = image, student.text, target, taught
    lr = Tensor(rate(settings, 0), ms.float32)
    done = Pass(*machinery.step(lr, Tensor(True), Tensor(0, ms.float32), *inputs))
    gradients = student.by_reference_name(first_gradients(machinery, settings, start))
    return {
        "losses": np.array([*objective.parts.asnumpy(), float(done.loss)]),
        "gradient_norms": np.array(
            [np.linalg.norm(gradients[n]) for n in cases.listed(case, "gradient_norms")]
        ),
    }


class RecordedParts(nn.Cell):
    """A distillation loss, which also keeps its two parts."""

    def __init__(self, objective: DistillationLoss):
        super().__init__(auto_prefix=False)
        self.objective = objective
        self.parts = Parameter(np.zeros(2, np.float32), name="recorded.parts", requires_grad=False)

    def construct(self, image, text, target, taught):
        parts = self.objective.parts(image, text, target, taught)
        kept = ops.assign(self.parts, ops.stop_gradient(ops.stack(parts)))
        return ops.depend(parts[0] + parts[1], kept)
