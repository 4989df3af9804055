"""One adapter a kind: what a case's files must hold, and `Case` → {output: full array} by our code."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from ms_ovs.parity import schema
from ms_ovs.parity.adapters import clip, lseg
from ms_ovs.parity.case import Case


@dataclass(frozen=True)
class Adapter:
    """What serves the cases of one kind; `weights` says whether they have a `state_dict.json`."""

    schema: type[schema.Case]
    compute: Callable[[Case], Mapping[str, np.ndarray]]
    weights: bool = True


ADAPTERS = {
    "clip/network": Adapter(schema.ClipNetwork, clip.network),
    "clip/preprocess": Adapter(schema.ClipPreprocess, clip.preprocessing, weights=False),
    "clip/tokenizer": Adapter(schema.ClipTokenizer, clip.tokenizer, weights=False),
    "lseg/network": Adapter(schema.LSegNetwork, lseg.network),
    "lseg/zero_shot": Adapter(schema.LSegZeroShot, lseg.zero_shot),
}
