"""From the weights of a case to a model, on the road that a user's checkpoint takes."""

import json

from mindspore import nn

from convert import convert_tensors
from convert.conversion import Conversion
from ms_ovs.models import create_model
from ms_ovs.models.checkpoint import fill
from ms_ovs.parity.case import Case


def converted(case: Case, *, system: str, variant: str | None = None, options: dict) -> Conversion:
    """The weights of the case under our names."""
    return convert_tensors(case.weights(), system=system, variant=variant, options=options)


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
