"""One adapter a kind: what a case's files must hold, and `Case` → {output: full array} by our code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ms_ovs.parity import schema
from ms_ovs.parity.adapters import (
    clip,
    lseg,
    lseg_data,
    lseg_evaluation,
    lseg_training,
    maskclip,
    maskclip_evaluation,
    maskclip_parts,
    maskclip_plus,
    maskclip_plus_cases,
    maskclip_tables,
    metrics,
    segformer,
)
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit, Row


@dataclass(frozen=True)
class Adapter:
    """What serves the cases of one kind.

    `weights` says whether they have a `state_dict.json`; `limits` tells the limit of each output where
    the case has more than one tolerance. Cases that list no outputs are judged by `rows` instead.
    """

    schema: type[schema.Case]
    compute: Callable[[Case], Mapping[str, np.ndarray]] = lambda case: {}
    weights: bool = True
    limits: Callable[[Case], Mapping[str, Limit]] = lambda case: {}
    rows: Callable[[Case], list[Row]] = lambda case: []


def _from_clip_or_mit(case: Case) -> Mapping[str, np.ndarray]:
    """The two programs that `maskclip/converted` is of tell by the names of their weights."""
    return segformer.converted_mit(case) if segformer.is_mit(case) else maskclip.from_clip(case)


def _student(compute: Callable[[Case], Mapping[str, np.ndarray]]) -> Adapter:
    return Adapter(maskclip_plus_cases.TrainingCase, compute, limits=maskclip_plus_cases.limits)


ADAPTERS = {
    "clip/network": Adapter(schema.ClipNetwork, clip.network),
    "clip/preprocess": Adapter(schema.ClipPreprocess, clip.preprocessing, weights=False),
    "clip/tokenizer": Adapter(schema.ClipTokenizer, clip.tokenizer, weights=False),
    "lseg/metrics": Adapter(lseg_evaluation.MetricsCase, lseg_evaluation.metrics, weights=False),
    "lseg/multi_eval": Adapter(lseg_evaluation.MultiEvalCase, lseg_evaluation.multi_eval),
    "lseg/network": Adapter(schema.LSegNetwork, lseg.network),
    "lseg/train_step": Adapter(
        lseg_training.TrainStepCase, lseg_training.train_step, limits=lseg_training.limits
    ),
    "lseg/transforms": Adapter(lseg_data.TransformsCase, lseg_data.transforms, weights=False),
    "lseg/zero_shot": Adapter(schema.LSegZeroShot, lseg.zero_shot),
    "maskclip/class_weight": Adapter(maskclip_parts.WeightCase, maskclip_parts.class_weight),
    "maskclip/converted": Adapter(maskclip.NetworkCase, _from_clip_or_mit, limits=maskclip.label_limits),
    "maskclip/convert": Adapter(maskclip_tables.TablesCase, rows=maskclip_tables.rows, weights=False),
    "maskclip/key_smoothing": Adapter(
        maskclip_parts.SmoothingCase,
        maskclip_parts.key_smoothing,
        weights=False,
        limits=maskclip.label_limits,
    ),
    "maskclip/network": Adapter(maskclip.NetworkCase, maskclip.network, limits=maskclip.label_limits),
    "maskclip/pipeline": Adapter(
        maskclip_evaluation.PipelineCase,
        maskclip_evaluation.pipeline,
        weights=False,
        limits=maskclip_evaluation.pipeline_limits,
    ),
    "maskclip/slide_inference": Adapter(
        maskclip_evaluation.InferenceCase,
        maskclip_evaluation.slide_inference,
        limits=maskclip_evaluation.inference_limits,
    ),
    "maskclip/prompt_denoising": Adapter(
        maskclip_parts.DenoisingCase,
        maskclip_parts.prompt_denoising,
        weights=False,
        limits=maskclip.label_limits,
    ),
    "maskclip/text_embeddings": Adapter(maskclip.TextCase, maskclip.text_embeddings),
    "maskclip_plus/deeplabv2": _student(maskclip_plus.deeplabv2),
    "maskclip_plus/distill": _student(maskclip_plus.distill),
    "maskclip_plus/segformer_train": _student(maskclip_plus.segformer),
    "maskclip_plus/zero_shot_train": _student(maskclip_plus.zero_shot),
    "maskclip/metrics": Adapter(
        metrics.MaskClipMetricsCase, metrics.maskclip, weights=False, limits=metrics.maskclip_limits
    ),
    "metrics/panoptic": Adapter(metrics.PanopticCase, metrics.panoptic, weights=False),
    "metrics/semantic": Adapter(
        metrics.SemanticCase, metrics.semantic, weights=False, limits=metrics.semantic_limits
    ),
    "segformer/network": Adapter(segformer.SegFormerCase, segformer.network, limits=segformer.limits),
}
