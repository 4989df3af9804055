"""What the files of MaskCLIP+'s cases hold: schemas, annotations, limits, names of tensors."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field, PositiveInt

from ms_ovs.data.hidden import HIDDEN
from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError
from ms_ovs.parity import schema
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit

THEIR_IGNORED, THEIR_HIDDEN = 255, -1
RATE = 1e-5  # float32 keeps seven digits of a learning rate
LABELS = 1e-3  # the share of labels that may differ
STEM_NOISE = 9e-3  # of a gradient's norm in the stem of a ResNet-101 student (specification of MaskCLIP, 14)
NOISE = 3.0  # how often its recorded noise a value may be off

Range = tuple[int, int]


class Optimizer(BaseModel):
    """The optimizer's numbers, of which SGD and AdamW have different ones."""

    type: Literal["SGD", "AdamW"]
    lr: float
    weight_decay: float
    momentum: float = 0.9
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    decode_head_lr_multiplier: float = 1.0


class Schedule(BaseModel):
    """mmcv's polynomial schedule."""

    power: float
    min_lr: float
    max_iters: PositiveInt
    warmup: Literal["linear"] | None = None
    warmup_iters: int = 0
    warmup_ratio: float = 0.0


class Config(BaseModel):
    """The parts of the authors' config that are read."""

    norm_feat: bool = False
    unlabeled_cats: list[int] = Field(default_factory=list)
    clip_unlabeled_cats: list[int] | None = None
    ks_thresh: float = 0.0
    pd_thresh: float = 0.0
    conf_thresh: float = 0.0
    start_clip_guided: Range = (1, -1)
    start_self_train: Range = (-1, -1)
    optimizer: Optimizer
    schedule: Schedule
    distill_labeled: bool = True
    distill_weight: float = 1.0


class Tolerance(BaseModel):
    """The largest error of arrays; that of the others is said in words."""

    float32_cpu: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class TrainingCase(schema.Case):
    """`maskclip_plus/…`: every kind."""

    inputs: Annotated[dict[str, schema.Input], schema.AtLeastOne]
    input_note: str
    config: Config
    tolerance: Tolerance


def config_of(case: Case) -> Config:
    """The config of a case that fits the schema."""
    return Config.model_validate(case.spec["config"])


class Annotations:
    """The targets of a case's steps by our numbers, from the sentence that says how they are drawn."""

    def __init__(self, case: Case):
        """Raises `UserError` for a sentence that is not understood."""
        note = case.spec["input_note"]
        table = re.search(r"table \[([^\]]*)\] indexed with input:(\w+)_k", note)
        zero = re.search(r"255 where input:(\w+?)_[k\d] equals (\d+), otherwise -1", note)
        if not table and not zero:
            raise UserError(
                f"{case.folder}: input_note {note!r} says no way to draw annotations that is known"
            )
        self.case = case
        self.drawn: str = table.group(2) if table else zero.group(1)
        if table:
            values = np.array([int(word) for word in table.group(1).split(",")])
            self.rule: Callable = lambda draw: values[draw]
        else:
            self.rule = lambda draw: np.where(draw == int(zero.group(2)), THEIR_IGNORED, THEIR_HIDDEN)

    def __call__(self, step: int) -> np.ndarray:
        """int32 (B, H, W) with -1 = ignored and -2 = to be filled in."""
        drawn = self.rule(self.case.input(f"input:{self.drawn}_{step}"))[:, 0]
        labels = np.where(drawn == THEIR_IGNORED, IGNORE, np.where(drawn == THEIR_HIDDEN, HIDDEN, drawn))
        return labels.astype(np.int32)


def as_theirs(labels: np.ndarray) -> np.ndarray:
    """Labels (B, H, W) as the case has them: (B, 1, H, W), 255 = ignored."""
    return np.where(labels < 0, THEIR_IGNORED, labels)[:, None]


def histogram(labels: np.ndarray) -> np.ndarray:
    """How often each label value from 0 to 255 occurs."""
    return np.bincount(labels.ravel(), minlength=THEIR_IGNORED + 1)


def listed(case: Case, output: str) -> list[str]:
    """The names at the end of an output's description: "… of: a, b"."""
    found = re.search(r" of: (.+)$", case.descriptions[output])
    return found.group(1).split(", ") if found else []


def iterations(case: Case, output: str) -> list[int]:
    """The iterations of a schedule, in square brackets behind "at iterations"."""
    found = re.search(r"at iterations \[([^\]]*)\]", case.descriptions[output])
    return [int(word) for word in found.group(1).split(",")] if found else []


def limits(case: Case) -> Mapping[str, Limit]:
    """The limit of every output that is not held to the case's tolerance by the rule.

    A recorded noise is the difference of two runs, float32 and float64, and may be small by chance: the
    same program in float32 on another machine was four times as far off in a loss. The ResNet students
    amplify rounding a thousandfold in training mode. So what comes out of that is allowed three times the
    case's largest noise, and a gradient's norm three times its own, their mean, or in the stem STEM_NOISE.
    """
    noise = case.spec.get("reference_noise", {})
    noise = noise if isinstance(noise, Mapping) else {}
    losses, gradients = noise.get("losses", []), noise.get("gradient_norms", [])
    shares = noise.get("labels_differing_share", [])
    allowed = max(case.tolerance, NOISE * max([0.0, *losses, *gradients]))
    found = {}
    for output, stored in case.arrays.items():
        kind = output.rpartition(".")[2] if output.startswith(("warmup.", "full.")) else output
        if kind == "loss":
            later = max(1e-3, allowed)
            found[output] = Limit(
                (max(1e-4, NOISE * sum(losses[:1])), *[later] * (stored.size - 1)), "relative"
            )
        elif kind == "losses":
            found[output] = Limit(1e-4)  # parts of one loss, of which one may be 0
        elif kind == "gradient_norms":
            found[output] = _of_gradients(stored, gradients, listed(case, output))
        elif kind == "update_norms":
            found[output] = Limit(NOISE * 1e-3, "relative")
        elif kind in ("lr", "schedule"):
            found[output] = Limit(RATE, "relative")
        elif kind == "counter":
            found[output] = Limit(0.0)
        elif kind == "acc":
            found[output] = Limit(100 * max([LABELS, *(NOISE * share for share in shares)]), "absolute")
        elif "histogram" in kind:
            found[output] = Limit(_share(kind, shares) * float(stored.sum()), "absolute")
        elif "labels" in kind or kind.startswith("pseudo_"):
            found[output] = Limit(_share(kind, shares), "share")
        elif output.startswith(("full.", "after.")):
            # behind several steps: AdamW moves a weight by its whole rate where rounding decides the sign
            # of the gradient, so single values say less than all of them
            found[output] = Limit(allowed, "norm")
        elif output == "train.logits":
            found[output] = Limit(allowed)
    return {output: limit for output, limit in found.items() if output in case.descriptions}


def _of_gradients(stored: np.ndarray, noise: list[float], names: list[str]) -> Limit:
    if not stored.any():
        return Limit(1e-12, "absolute")
    if not noise:
        return Limit(1e-3, "relative")
    mean = sum(noise) / len(noise)
    floors = [STEM_NOISE if name.startswith("backbone.stem.") else mean for name in names]
    limits = [max(1e-3, NOISE * own, NOISE * floor) for own, floor in zip(noise, floors, strict=True)]
    return Limit(tuple(limits), "relative")


def _share(kind: str, shares: list[float]) -> float:
    """The share of labels that may differ: those of step k have a noise of their own."""
    step = re.fullmatch(r"(?:labels|histogram)_(\d+)", kind)
    known = shares[int(step.group(1)) :][:1] if step else []
    return max([LABELS, *(NOISE * share for share in known)])


def refined(output: str) -> dict[str, Any] | None:
    """The thresholds in the name of an output such as "pseudo_ks1.0_pd0.5_conf0.0.histogram"."""
    number = r"(\d+(?:\.\d+)?)"
    found = re.match(rf"pseudo_ks{number}_pd{number}_conf{number}(?:\.histogram)?$", output)
    if not found:
        return None
    ks, pd, conf = map(float, found.groups())
    return {"ks_thresh": ks, "pd_thresh": pd, "conf_thresh": conf}
