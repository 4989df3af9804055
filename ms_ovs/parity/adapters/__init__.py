"""One adapter a kind: what a case's files must hold, and `Case` → {output: full array} by our code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ms_ovs.parity import schema
from ms_ovs.parity.adapters import clip, lseg, lseg_data, lseg_evaluation, lseg_training
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit


@dataclass(frozen=True)
class Adapter:
    """What serves the cases of one kind.

    `weights` says whether they have a `state_dict.json`; `limits` tells the limit of each output where
    the case has more than one tolerance.
    """

    schema: type[schema.Case]
    compute: Callable[[Case], Mapping[str, np.ndarray]]
    weights: bool = True
    limits: Callable[[Case], Mapping[str, Limit]] = lambda case: {}


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
}
