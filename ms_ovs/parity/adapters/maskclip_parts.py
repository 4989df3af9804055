"""Cases of MaskCLIP's refinements and of its class weights, on given arrays."""

import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn
from pydantic import BaseModel

from convert.rules import Table
from convert.steps import run
from convert.tables.heads import deeplab_v2
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill
from ms_ovs.models.maskclip import refine
from ms_ovs.models.maskclip.class_weight import class_weights
from ms_ovs.models.maskclip.variants import POSITIONS
from ms_ovs.nn.aspp import DeepLabV2Head
from ms_ovs.nn.norm import unit
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.maskclip import FloatTolerance
from ms_ovs.parity.case import Case

Thresholds = Annotated[list[float], schema.AtLeastOne]


class DenoisingConfig(BaseModel):
    """The thresholds that were tried."""

    pd_thresh: Thresholds


class DenoisingCase(schema.Case):
    """`maskclip/prompt_denoising`"""

    inputs: dict[str, schema.Input]
    input_note: str
    config: DenoisingConfig
    tolerance: FloatTolerance


class SmoothingConfig(BaseModel):
    """The thresholds that were tried, each with each."""

    ks_thresh: Thresholds
    pd_thresh: Thresholds


class SmoothingCase(schema.Case):
    """`maskclip/key_smoothing`"""

    inputs: dict[str, schema.Input]
    input_note: str
    config: SmoothingConfig
    tolerance: FloatTolerance


class WeightConfig(BaseModel):
    """The temperatures that were tried."""

    tau: Annotated[list[float], schema.AtLeastOne]


class WeightCase(schema.Case):
    """`maskclip/class_weight`"""

    inputs: dict[str, schema.Input]
    input_note: str
    config: WeightConfig
    tolerance: FloatTolerance


class _Compiled(nn.Cell):
    """A function of tensors, then of settings, as a cell, so that it runs in the mode that is set."""

    def __init__(self, function: Callable[..., Any], settings: tuple):
        super().__init__()
        self.function = function
        self.settings = settings

    def construct(self, *inputs):
        return self.function(*inputs, *self.settings)


def _run(function: Callable[..., Any], *arrays: np.ndarray, settings: tuple = ()) -> np.ndarray:
    tensors = (Tensor(array, ms.float32) for array in arrays)
    return _Compiled(function, settings)(*tensors).asnumpy()


def _product(features, text):
    return ms.ops.matmul(features, ms.ops.transpose(text, (1, 0)))


def _cosines(values, projection, bias, text):
    return _product(unit(ms.ops.matmul(values, projection) + bias), text)


def prompt_denoising(case: Case) -> Mapping[str, np.ndarray]:
    """Scores before and after, the confidence of each class, the classes removed, and the labels."""
    scores = _scores(case)
    places = _places(scores)
    ours = {"before": scores, "max_confidence": _run(refine.confidence, places).max(1)}
    for threshold in case.spec["config"]["pd_thresh"]:
        after = _denoised(places, threshold)
        ours |= {
            f"after_{threshold}": _maps(after, scores),
            f"removed_{threshold}": (after == refine.REMOVED).all(1).astype(np.float32),
            f"labels_{threshold}": _maps(after, scores).argmax(1),
        }
    return ours


def key_smoothing(case: Case) -> Mapping[str, np.ndarray]:
    """Scores before and after, by every pair of thresholds, and what is computed on the way."""
    scores, keys = _scores(case), case.input("input:keys")
    places = _places(scores)
    normalised = _run(refine.normalised_keys, keys, settings=(POSITIONS,))
    ours = {
        "before": scores,
        "keys_normalised": normalised,
        "affinity": _run(refine.affinity, normalised),
        "max_probability": _maps(_run(refine.confidence, places).max(2, keepdims=True), scores)[:, 0],
    }
    config = case.spec["config"]
    for denoise in config["pd_thresh"]:
        before = _denoised(places, denoise) if denoise > 0 else places
        for smooth in config["ks_thresh"]:
            after = before
            if smooth > 0:
                after = _run(refine.smoothed, before, keys, settings=(smooth, POSITIONS))
            after = _maps(after, scores)
            ours |= {
                f"after_ks{smooth}_pd{denoise}": after,
                f"labels_ks{smooth}_pd{denoise}": after.argmax(1),
            }
    return ours


def _denoised(places: np.ndarray, threshold: float) -> np.ndarray:
    return _run(refine.denoised, places, settings=(threshold,))


def class_weight(case: Case) -> Mapping[str, np.ndarray]:
    """Weights, and the scores of MaskCLIP and of a student with and without them."""
    text, image = _features(case)
    weights = case.weights()
    embeddings = weights["text_embeddings"].read()
    values = case.input("input:values")
    projection, bias = _projection(weights)
    plain = _maps(_run(_cosines, _places(values), projection, bias, embeddings), values)
    student = _student(case, weights, embeddings)
    ours = {"scores_plain": plain}
    for tau in case.spec["config"]["tau"]:
        name = f"tau{tau}"
        shares = class_weights(image, text, tau)
        each = shares[:, :, None, None]
        ours |= {
            f"weights_{name}": shares,
            f"scores_{name}": plain * each,
            f"plus_scores_{name}": student * (each * np.float32(len(text))),
        }
    return ours


def _projection(weights: Mapping) -> tuple[np.ndarray, np.ndarray]:
    """The last projection of a ViT, or of a ResNet's attention pool, as a matrix, and its bias."""
    name = next((name for name in ("proj", "c_proj") if f"{name}.weight" in weights), None)
    if name is None:
        raise UserError("the state_dict has neither proj.weight nor c_proj.weight, which make the features")
    matrix = weights[f"{name}.weight"].read()[:, :, 0, 0].T
    bias = weights.get(f"{name}.bias")
    return matrix, np.zeros(matrix.shape[1], np.float32) if bias is None else bias.read()


def _features(case: Case) -> tuple[np.ndarray, np.ndarray]:
    """Features of the classes and of the images, as the note makes them of draws."""
    note = case.spec["input_note"]
    length = re.search(r"= ([\d.]+) \* rows", note)
    shift = re.search(r"\+ ([\d.]+) \* T\[\[([\d, ]+)\]\]", note)
    if not length or not shift:
        raise UserError("input_note does not say how the features are made of the inputs")
    rows = case.input("input:text_features")
    text = np.float32(length.group(1)) * rows / np.linalg.norm(rows, axis=1, keepdims=True)
    classes = [int(number) for number in shift.group(2).split(",")]
    return text, case.input("input:image_features") + np.float32(shift.group(1)) * text[classes]


def _student(case: Case, weights: Mapping, embeddings: np.ndarray) -> np.ndarray:
    """Scores of the student, whose head is that of DeepLabv2."""
    student = case.input("input:student")
    plan = Table("student", "mmseg", deeplab_v2("decode_module.", "")).plan(weights)
    tensors = run([step for step in plan.steps if not step.rule.carried], weights)
    head = DeepLabV2Head(student.shape[1], features=embeddings.shape[1]).set_train(False)
    fill(head, tensors, origin=case.name)
    return _maps(_run(_product, _places(head(Tensor(student)).asnumpy()), embeddings), student)


def _scores(case: Case) -> np.ndarray:
    """The scores (N, C, h, w): a sum of multiples of inputs, as the note says."""
    sentence = re.search(r"scores = ([^;(]+)", case.spec["input_note"])
    terms = re.findall(r"([\d.]+) \* (input:\w+)", sentence.group(1)) if sentence else []
    if not terms:
        raise UserError("input_note does not say how the scores are made of the inputs")
    return sum(np.float32(factor) * case.input(name) for factor, name in terms)


def _places(maps: np.ndarray) -> np.ndarray:
    """(N, C, h, w) → (N, h w, C)."""
    return np.ascontiguousarray(maps.reshape(*maps.shape[:2], -1).swapaxes(1, 2))


def _maps(places: np.ndarray, like: np.ndarray) -> np.ndarray:
    """(N, h w, C) → (N, C, h, w), at the size of `like`."""
    return places.swapaxes(1, 2).reshape(len(places), -1, *like.shape[2:])
