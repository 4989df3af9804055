"""Cases of the metrics alone: detectron2's and mmsegmentation's for label maps, COCO's for panoptic maps."""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, Field, NonNegativeInt, PositiveInt

from ms_ovs.data.ids import IdRule
from ms_ovs.data.segments import PanopticMap, Segment
from ms_ovs.errors import UserError, choose
from ms_ovs.evaluation.panoptic import GROUPS, PanopticScores
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.parity import schema
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit

EXACT = Limit(0.0)
NOISY = 4  # of ten draws, those in which the prediction is a draw of its own, unless the case says otherwise
OTHER_LABELS = (0, 1, 2, 3, 4, 5, 7, 7, 255)  # of maskclip/metrics, where it does not say otherwise
NEVER_RIGHT = 5


class LabelDraw(schema.Input):
    """Numbers of labels, or of segments."""

    kind: Literal["labels"]
    high: PositiveInt


class FloatTolerance(BaseModel):
    """The largest error of what is not a whole number."""

    floats: Annotated[float, Field(alias="float outputs", ge=0, allow_inf_nan=False)]


class SemanticConfig(BaseModel):
    """Number of classes, and the value of pixels without label."""

    classes: PositiveInt
    ignore_label: NonNegativeInt


class SemanticCase(schema.Case):
    """`metrics/semantic`"""

    inputs: dict[str, LabelDraw]
    config: SemanticConfig
    tolerance: FloatTolerance


class Category(BaseModel):
    """A class of panoptic maps."""

    id: int
    isthing: Literal[0, 1]


Rows = Annotated[list[list[int]], schema.AtLeastOne]


class PanopticConfig(BaseModel):
    """The classes, the class of each segment of each image, and which segments of the truth are crowds."""

    categories: Annotated[list[Category], schema.AtLeastOne]
    gt_category_of_segment: Rows
    pred_category_of_segment: Rows
    gt_crowd_segments: Rows


class PanopticCase(schema.Case):
    """`metrics/panoptic`"""

    inputs: dict[str, LabelDraw]
    config: PanopticConfig
    tolerance: FloatTolerance


class NamedTolerance(BaseModel):
    """The largest error of float32 on a CPU."""

    float32_cpu: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class MaskClipMetricsCase(schema.Case):
    """`maskclip/metrics`: `config` has `ignore_index`, and a `Reading` for each prefix of outputs."""

    inputs: dict[str, LabelDraw]
    config: dict[str, "NonNegativeInt | Reading"]
    tolerance: NamedTolerance


class Reading(BaseModel):
    """How annotations become classes."""

    num_classes: PositiveInt
    reduce_zero_label: bool


def semantic(case: Case) -> Mapping[str, np.ndarray]:
    """Summary, IoU and accuracy in percent by both rules for the mean, and the confusion matrix."""
    truth, prediction, noise, ignore = (_input(case, role) for role in ("gt", "pred", "noise", "ignore"))
    config, note = case.spec["config"], case.spec.get("input_note", "")
    count = config["classes"]
    _same_shape(case, truth, prediction, noise, ignore)
    prediction = np.where(noise < _number(r"\w+ < (\d+)", note, NOISY), prediction, truth)
    ignored = (ignore == _number(r"\w+ == (\d+)", note, 0)) | (truth == config["ignore_label"])
    _check_classes(prediction, count)
    scores = SemanticScores([str(number) for number in range(count)])
    scores.update(prediction, np.where(ignored, -1, truth))
    matrix = np.zeros((count + 1, count + 1), np.int64)
    matrix[:count, :count] = scores.confusion.T
    matrix[:count, count] = np.bincount(prediction[ignored], minlength=count)
    there = scores.target > 0
    ratios = {"iou": np.where(there, scores.iou, np.nan), "acc": np.where(there, scores.accuracy, np.nan)}
    rest = (scores.frequency_weighted_iou, scores.mean_accuracy, scores.pixel_accuracy)
    ours = {}
    for rule, miou in (("plus", scores.miou_present), ("d2_head", scores.miou_truth)):
        percent = {"summary": np.array([miou, *rest]), **ratios}
        ours |= {f"{rule}.{name}": _rounded(100 * values) for name, values in percent.items()}
        ours[f"{rule}.conf_matrix"] = matrix
    return ours


def semantic_limits(case: Case) -> Mapping[str, Limit]:
    """Counts of pixels are exact."""
    return {output: EXACT for output in case.descriptions if output.endswith(".conf_matrix")}


def panoptic(case: Case) -> Mapping[str, np.ndarray]:
    """PQ, SQ, RQ and counts of each class, and the means of the groups."""
    config = case.spec["config"]
    categories = config["categories"]
    classes = {category["id"]: number for number, category in enumerate(categories)}
    scores = PanopticScores(
        [str(category) for category in classes], [category["isthing"] == 1 for category in categories]
    )
    pairs = list(_id_maps(case))
    tables = [config[f"{side}_category_of_segment"] for side in ("pred", "gt")]
    crowds = config["gt_crowd_segments"]
    if min(map(len, (*tables, crowds))) < len(pairs):
        raise UserError(f"{len(pairs)} images: each needs its lines of segments' categories and of crowds")
    for number, (prediction, truth) in enumerate(pairs):
        made = (
            _panoptic_map(ids, table[number], classes, crowd)
            for ids, table, crowd in ((prediction, tables[0], ()), (truth, tables[1], crowds[number]))
        )
        scores.update(*made)
    columns = [scores.pq, scores.sq, scores.rq, scores.true_positives, scores.false_positives]
    rows = np.stack([list(classes), *columns, scores.false_negatives, scores.iou_sum], axis=1)
    return {"per_class": _rounded(rows), **{group: _rounded(scores.quality(group)) for group in GROUPS}}


def _id_maps(case: Case) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The segment ids of prediction and truth, int32 (H,W), image by image."""
    truth, prediction, noise = (_input(case, role) for role in ("gt", "pred", "noise"))
    _same_shape(case, prediction, noise)
    factors = [large // small for small, large in zip(truth.shape, prediction.shape, strict=False)]
    for axis, factor in enumerate(factors[1:], 1):
        truth = truth.repeat(factor, axis)
    _same_shape(case, truth, prediction)
    noisy = noise < _number(r"\w+ < (\d+)", case.spec.get("input_note", ""), NOISY)
    prediction = np.where(noisy, prediction, truth)
    return zip(prediction.astype(np.int32), truth.astype(np.int32), strict=True)


def _panoptic_map(
    ids: np.ndarray, table: list[int], classes: Mapping[int, int], crowd: list[int] | tuple
) -> PanopticMap:
    segments = []
    for number in np.unique(ids[ids > 0]).tolist():
        if number > len(table) or table[number - 1] not in classes:
            met = table[number - 1] if number <= len(table) else "none"
            raise UserError(
                f"segment {number} is of category {met}: known are {', '.join(map(str, classes))}"
            )
        segments.append(Segment(number, classes[table[number - 1]], number in crowd))
    return PanopticMap(ids, tuple(segments))


def maskclip(case: Case) -> Mapping[str, np.ndarray]:
    """Counts of each image, ratios of all (-1 where there is nothing to divide by), for every `Reading`."""
    ignore_index = case.spec["config"]["ignore_index"]
    ours: dict[str, np.ndarray] = {}
    for name, reading in case.spec["config"].items():
        if isinstance(reading, Mapping):
            count, reduced = reading["num_classes"], reading["reduce_zero_label"]
            rule = IdRule(count, offset=int(reduced), ignore=[0, 255] if reduced else [ignore_index])
            images = [_scored(rule, *pair) for pair in _annotated(case)]
            ours |= {f"{name}.{output}": array for output, array in _areas_and_ratios(images).items()}
    return ours


def maskclip_limits(case: Case) -> Mapping[str, Limit]:
    """Counts of pixels are exact."""
    areas = (".intersect", ".union", ".prediction", ".label")
    return {output: EXACT for output in case.descriptions if output.endswith(areas)}


def _annotated(case: Case) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Prediction and annotation, uint8 (H,W), of each image."""
    note = case.spec.get("input_note", "")
    listed = re.search(r"table \[([\d, ]+)\]", note)
    table = np.array([int(n) for n in listed.group(1).split(",")] if listed else OTHER_LABELS, np.uint8)
    never_right = _number(r"is not (\d+)", note, NEVER_RIGHT)
    least = _number(r"\w+ > (\d+)", note, 0)
    for parts in zip(*(_inputs(case, role) for role in ("prediction", "label", "agree")), strict=True):
        _same_shape(case, *parts)
        prediction, label, agree = parts
        if label.max() >= len(table):
            raise UserError(f"a label of {label.max()} has no place in the table of {len(table)} annotations")
        right = (agree > least) & (prediction != never_right)
        yield prediction, np.where(right, prediction + 1, table[label]).astype(np.uint8)


def _scored(rule: IdRule, prediction: np.ndarray, annotation: np.ndarray) -> SemanticScores:
    _check_classes(prediction, rule.count)
    scores = SemanticScores([str(number) for number in range(rule.count)])
    scores.update(prediction, rule(annotation, "the annotation"))
    return scores


def _areas_and_ratios(images: list[SemanticScores]) -> dict[str, np.ndarray]:
    total = SemanticScores.from_counts(images[0].labels, sum(scores.counts for scores in images))
    areas = {"intersect": "intersection", "union": "union", "prediction": "predicted", "label": "target"}
    rows = {
        output: np.stack([getattr(scores, name) for scores in images]).astype(np.float32)
        for output, name in areas.items()
    }
    ratios = {
        "IoU": (total.iou, total.present),
        "Acc": (total.accuracy, total.target > 0),
        "Prec": (total.precision, total.predicted > 0),
        "Dice": (total.dice, total.present),
        "Fscore": (total.dice, total.intersection > 0),  # of precision and recall, of which one is not 0
    }
    columns = {
        output: _rounded(np.where(defined, values, -1)) for output, (values, defined) in ratios.items()
    }
    summary = {
        "aAcc": _rounded([total.pixel_accuracy]),
        "summary": _rounded([total.pixel_accuracy, total.miou_present, total.mean_accuracy]),
    }
    return {**rows, **columns, "Precision": columns["Prec"], "Recall": columns["Acc"], **summary}


def _input(case: Case, role: str) -> np.ndarray:
    """The input that plays a role, whose name is or holds the role's."""
    names = list(case.spec["inputs"])
    holding = [name for name in names if role in name]
    one = holding[0] if len(holding) == 1 else f"input:{role}"
    return case.input(choose("input", one, names))


def _inputs(case: Case, role: str) -> list[np.ndarray]:
    """The inputs that play a role, in the order of their numbers. Raises `UserError` where there are none."""
    names = [name for name in case.spec["inputs"] if role in name]
    if not names:
        raise UserError(f"no input plays the role of {role!r}: there are {', '.join(case.spec['inputs'])}")
    return [
        case.input(name) for name in sorted(names, key=lambda name: [*map(int, re.findall(r"\d+", name))])
    ]


def _number(pattern: str, note: str, otherwise: int) -> int:
    found = re.search(pattern, note)
    return int(found.group(1)) if found else otherwise


def _same_shape(case: Case, *arrays: np.ndarray) -> None:
    shapes = sorted({array.shape for array in arrays})
    if len(shapes) > 1:
        raise UserError(
            f"inputs of shapes {' and '.join(map(str, shapes))} do not belong together: check them"
        )


def _check_classes(prediction: np.ndarray, count: int) -> None:
    if prediction.max() >= count:
        raise UserError(f"class {prediction.max()} is predicted, there are {count}: check high and classes")


def _rounded(values) -> np.ndarray:
    """As the case stores them: what float32 loses of a percentage is more than some tolerances."""
    return np.asarray(values, np.float32)
