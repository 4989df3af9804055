"""From the weights of a case to a model, on the road that a user's checkpoint takes."""

import json

from mindspore import nn

from convert import convert_tensors
from ms_ovs.models import create_model
from ms_ovs.models.checkpoint import fill
from ms_ovs.parity.case import Case


def converted_model(case: Case, *, system: str, variant: str | None = None, options: dict) -> nn.Cell:
    """The network of the case with its weights, which go through the converter."""
    conversion = convert_tensors(case.weights(), system=system, variant=variant, options=options)
    metadata = conversion.metadata
    model = create_model(
        metadata["system"], variant=metadata["variant"], seed=None, **json.loads(metadata["options"])
    )
    fill(model, conversion.tensors, origin=case.name)
    return model
