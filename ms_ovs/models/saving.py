"""What training writes into a model file, so that `load_model` and the converter's way back take it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from mindspore import nn

from convert import Entry
from convert.metadata import describe, origin
from convert.rules import CARRIED
from convert.unused import unused
from convert.variants import config_of
from ms_ovs import __version__

# How the authors' own programs name the tensors of what they trained: naming, prefix.
_AUTHORS = {
    "clip": ("openai", ""),
    "lseg": ("lseg", "net."),
    "maskclip_plus": ("mmseg", ""),
    "segformer": ("mmsegmentation", ""),
}


def metadata(
    system: str,
    variant: str,
    options: Mapping[str, Any],
    *,
    started_from: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """The metadata of a model file with trained weights; arguments as for `create_model`.

    `started_from` is the metadata of the model file that training went on from, with that file's own
    SHA-256 as "source_sha256". Where it is of the same system, the way back gives its source's names,
    and what it carried is to be kept (`tensors`). Without it the way back gives the names of the authors'
    training, less those in "dropped": what their network has and never uses. Raises `UserError` for
    an unknown system, variant or option, and for damaged metadata.
    """
    config = config_of(system, variant, options)
    started_from = started_from or {}
    if started_from.get("system") == system:
        naming, prefix, dropped = origin(started_from)
    else:
        (naming, prefix), dropped = _AUTHORS[system], unused(config)
    described = describe(
        variant,
        config,
        naming=naming,
        source_prefix=prefix,
        source_sha256=started_from.get("source_sha256", ""),
        dropped=dropped,
    )
    return {**described, "trained_by": f"ms_ovs {__version__}"}


def tensors(model: nn.Cell, carried: Mapping[str, Entry] | None = None) -> dict[str, np.ndarray]:
    """The arrays of a model file: every parameter, and those of `carried` whose names say so.

    `carried` may be all tensors of the file that training started from. Parameters are float32 and may share
    their memory with the model: write them before it learns on. bfloat16, which NumPy lacks, becomes
    float32.
    """
    arrays = {name: parameter.asnumpy() for name, parameter in model.parameters_and_names()}
    kept = {name: entry for name, entry in (carried or {}).items() if name.startswith(CARRIED)}
    return arrays | {name: entry.numbers() for name, entry in kept.items()}
