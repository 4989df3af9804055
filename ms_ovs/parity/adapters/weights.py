"""From the weights of a case to a model, on the road that a user's checkpoint takes."""

import json
from collections.abc import Mapping

from mindspore import nn

from convert import Entry, convert_tensors
from convert.conversion import Conversion
from ms_ovs.models import create_model
from ms_ovs.models.checkpoint import fill
from ms_ovs.parity.case import Case


def converted(
    case: Case,
    *,
    system: str,
    variant: str | None = None,
    options: dict,
    weights: Mapping[str, Entry] | None = None,
) -> Conversion:
    """The weights of the case under our names; `weights` are they, where they were changed before."""
    weights = case.weights() if weights is None else weights
    return convert_tensors(weights, system=system, variant=variant, options=options)


def filled_model(conversion: Conversion, *, origin: str) -> nn.Cell:
    """The network that converted weights belong to, with these weights."""
    metadata = conversion.metadata
    model = create_model(
        metadata["system"], variant=metadata["variant"], seed=None, **json.loads(metadata["options"])
    )
    fill(model, conversion.tensors, origin=origin)
    return model


def converted_model(case: Case, *, system: str, variant: str | None = None, options: dict) -> nn.Cell:
    """The network of the case with its weights."""
    conversion = converted(case, system=system, variant=variant, options=options)
    return filled_model(conversion, origin=case.name)
