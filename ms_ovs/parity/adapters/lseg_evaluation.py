"""Cases of LSeg's tests: the metrics, and the evaluator of many scales around a network of one layer."""

import re
from collections.abc import Mapping
from typing import Annotated

import mindspore as ms
import numpy as np
from mindspore import nn
from pydantic import Field, PositiveFloat, PositiveInt

from ms_ovs.data.transforms import IGNORE
from ms_ovs.errors import UserError, choose
from ms_ovs.evaluation.evaluate import PROTOCOLS
from ms_ovs.evaluation.fewshot import FewShotScores
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.evaluation.sliding import SlidingWindow
from ms_ovs.parity import schema
from ms_ovs.parity.case import Case

BENCHMARKS = ("pascal", "coco", "fss")


class MetricsCase(schema.Case):
    """`lseg/metrics`: what is done with the inputs stands in the sentences of `construction`."""

    inputs: dict[str, schema.Input]
    construction: schema.Texts
    tolerance: Annotated[str, Field(pattern=r"^counts exact; ratios \d")]


class Arguments(schema.BaseModel):
    """What the evaluator was built with."""

    nclass: PositiveInt
    base_size: PositiveInt
    crop_size: PositiveInt
    scales: Annotated[list[PositiveFloat], schema.AtLeastOne]
    flip: bool


class MultiEvalReference(schema.BaseModel):
    """The evaluator."""

    arguments: Arguments


class MultiEvalCase(schema.Case):
    """`lseg/multi_eval`"""

    reference: MultiEvalReference
    inputs: Annotated[dict[str, schema.Images], schema.AtLeastOne]
    mean: tuple[float, float, float]
    std: tuple[PositiveFloat, PositiveFloat, PositiveFloat]


class StandIn(nn.Cell):
    """tanh(conv(x)): an odd, square kernel with bias and zero padding, so that sizes stay."""

    def __init__(self, weight: np.ndarray, bias: np.ndarray):
        super().__init__()
        classes, channels, side, _ = weight.shape
        self.conv = nn.Conv2d(
            channels, classes, side, pad_mode="pad", padding=side // 2, has_bias=True, weight_init="zeros"
        )
        self.conv.weight.set_data(ms.Tensor(weight))
        self.conv.bias.set_data(ms.Tensor(bias))
        self.tanh = nn.Tanh()

    def construct(self, image: ms.Tensor) -> ms.Tensor:
        """float32 (B,3,H,W) to (B,C,H,W)."""
        return self.tanh(self.conv(image))


def multi_eval(case: Case) -> Mapping[str, np.ndarray]:
    """Summed scores of the scales that each output names: its own, those of a data set, or the case's."""
    weights = case.weights()
    standin = StandIn(*(_weight(case, weights, name) for name in ("standin.weight", "standin.bias")))
    return {output: _scores(case, standin, output) for output in case.descriptions}


def _weight(case: Case, weights: Mapping, name: str) -> np.ndarray:
    if name not in weights:
        raise UserError(f"the state_dict lacks {name!r}, the stand-in network's; it has {', '.join(weights)}")
    return weights[name].read()


def _scores(case: Case, standin: StandIn, output: str) -> np.ndarray:
    description, arguments = case.descriptions[output], case.arguments
    named = re.search(r"\bfor (input:\w+)", description)
    inputs = list(case.spec["inputs"])
    source = choose("input", named.group(1), inputs) if named else inputs[0]
    scales = tuple(arguments["scales"])
    if one := re.search(r"_scale_(\d+(?:\.\d+)?)", output):
        scales = (float(one.group(1)),)
    elif "citys" in output:
        scales = PROTOCOLS["lseg_citys"].scales
    flip = arguments["flip"]
    if re.search("noflip|no_flip", output) or "without flip" in description:
        flip = False
    elif "with flip" in description:
        flip = True
    windows = SlidingWindow(
        base_size=arguments["base_size"],
        crop_size=arguments["crop_size"],
        scales=scales,
        flip=flip,
        mean=case.spec["mean"],
        std=case.spec["std"],
    )
    return windows.scores(lambda window: standin(ms.Tensor(window)).asnumpy(), case.input(source))


def metrics(case: Case) -> Mapping[str, np.ndarray]:
    """Counts and ratios of the segmentation metric and of the few-shot protocol."""
    ours = _segmentation(case) | _absent(case)
    episodes = _Episodes(case)
    for name in BENCHMARKS:
        ours |= episodes.scores(name)
    return ours


def _segmentation(case: Case) -> dict[str, np.ndarray]:
    scores = SemanticScores(_classes(case))
    ours, ratios, running = {}, [], []
    for number, name in enumerate(("first", "second"), 1):
        scores.update(
            case.input(f"input:logits_{number}").argmax(1), case.input(f"input:labels_{number}") - 1
        )
        ours |= {
            f"{name}.correct_labelled": np.array([scores.correct, scores.labelled]),
            f"{name}.inter": scores.intersection.copy(),
            f"{name}.union": scores.union,
        }
        ratios.append((scores.pixel_accuracy, scores.miou))
        running.append(scores.iou)
    # The authors' log averages what it has so far after every image; this is only for reading their logs.
    return ours | {"pixacc_miou": np.array(ratios), "running_mean_iou_per_class": np.mean(running, axis=0)}


def _absent(case: Case) -> dict[str, np.ndarray]:
    """The first update again, with channels that never win and a class that does not occur."""
    sentence = case.descriptions["absent.inter"]
    silenced, value, old, new = _found(
        r"channels (.+?) set to (-?\d+), labels of class (\d+) turned into class (\d+)", sentence
    )
    logits, labels = case.input("input:logits_1"), case.input("input:labels_1") - 1
    logits[:, [int(channel) for channel in re.findall(r"\d+", silenced)]] = float(value)
    labels[labels == int(old)] = int(new)
    scores = SemanticScores(_classes(case))
    scores.update(logits.argmax(1), labels)
    return {
        "absent.inter": scores.intersection,
        "absent.union": scores.union,
        "absent.pixacc_miou": np.array([scores.pixel_accuracy, scores.miou]),
    }


def _classes(case: Case) -> list[str]:
    return [str(number) for number in range(case.spec["inputs"]["input:logits_1"]["shape"][1])]


class _Episodes:
    """The few-shot part of a case: one set of drawn episodes, scored as each benchmark does."""

    def __init__(self, case: Case):
        self.text = "\n".join(case.spec["construction"])
        self.ignore = case.input("input:fs_ignore") == 0
        self.mask = case.input("input:fs_mask") * ~self.ignore
        self.drawn = case.input("input:fs_class")
        logits = case.input("input:fs_logits")
        for episode, channel, rise in re.findall(r"fs_logits\[(\d+), (\d+)\] \+= (\d+)", self.text):
            logits[int(episode), int(channel)] += float(rise)
        self.prediction = logits.argmax(1)
        self.first = int(_found(r"two updates: episodes 0\.\.(\d+)", self.text)[0]) + 1

    def scores(self, name: str) -> dict[str, np.ndarray]:
        """The outputs of the benchmark `name`."""
        classes, rule, without = _found(
            rf"{name}: [^;\n]*?classes(?: of interest)? ([\d., ]+), class id = ([^,]+), (no )?ignore mask",
            self.text,
        )
        scores = FewShotScores(_numbers(classes))
        factor = re.search(r"(\d+) \* fs_class", rule)
        offset = sum(map(int, re.findall(r"(?:^|\+ )(\d+)(?! \*)\b", rule)))
        ids = offset + (int(factor.group(1)) if factor else 1) * self.drawn
        targets = self.mask if without else np.where(self.ignore, IGNORE, self.mask)
        areas = [
            scores.update(prediction, target, int(number))
            for prediction, target, number in zip(self.prediction, targets, ids, strict=True)
        ]
        inter, union = (np.stack(rows, axis=1) for rows in zip(*areas[: self.first], strict=True))
        return {
            f"{name}.inter_first": inter,
            f"{name}.union_first": union,
            f"{name}.miou_fbiou": np.array([scores.miou, scores.fb_iou]),
        }


def _numbers(text: str) -> list[int]:
    """The numbers that "5..9" and "2, 6, ..., 78" stand for."""
    listed = [int(number) for number in re.findall(r"\d+", text)]
    if "..." in text:
        return list(range(listed[0], listed[-1] + 1, listed[1] - listed[0]))
    return list(range(listed[0], listed[-1] + 1)) if ".." in text else listed


def _found(pattern: str, text: str) -> tuple[str | None, ...]:
    match = re.search(pattern, text)
    if not match:
        raise UserError(f"case.json does not say how the inputs are made: nothing fits {pattern!r}")
    return match.groups()
