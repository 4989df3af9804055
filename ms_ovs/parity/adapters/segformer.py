"""Cases of SegFormer: the whole network, and a Mix Transformer converted from NVIDIA's names."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from mindspore import Tensor, nn
from pydantic import BaseModel, Field, NonNegativeFloat, PositiveInt

from ms_ovs.errors import UserError
from ms_ovs.nn.taps import Taps
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.weights import converted_model
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit

Four = tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt]


class Float32Tolerance(BaseModel):
    """The largest error allowed, by the rule of the reference cases."""

    float32_cpu: Annotated[NonNegativeFloat, Field(allow_inf_nan=False)]


class Heads(BaseModel):
    """What the shapes of a Mix Transformer do not tell."""

    num_heads: Four


class NetworkConfig(BaseModel):
    """The parts of the authors' config that are read."""

    backbone: Heads
    strides: Four = (4, 2, 2, 2)
    layernorm_eps: float = 1e-6


class SegFormerCase(schema.Case):
    """`segformer/network`"""

    inputs: Annotated[dict[str, schema.Images], schema.AtLeastOne]
    config: NetworkConfig
    tolerance: Float32Tolerance


class ConvertedMiTCase(schema.Case):
    """`maskclip/converted` with the names of a Mix Transformer."""

    inputs: Annotated[dict[str, schema.Images], schema.AtLeastOne]
    config: Heads
    tolerance: Float32Tolerance


def network(case: Case) -> Mapping[str, np.ndarray]:
    """Every named stage for every input, and the label map at its size; an output is named input.stage."""
    config = schema.read(case.folder / "case.json", SegFormerCase).config
    options = {
        "heads": config.backbone.num_heads,
        "strides": config.strides,
        "norm_epsilon": config.layernorm_eps,
    }
    model = converted_model(case, system="segformer", options=options)
    ours = {}
    for name in case.spec["inputs"]:
        taps = _taps(model, case, name)
        taps["labels"] = taps["scores"].argmax(1)
        ours |= {f"{name.removeprefix('input:')}.{tap}": array for tap, array in taps.items()}
    return ours


def limits(case: Case) -> Mapping[str, Limit]:
    """Of label maps near ties may move some pixels: as large a share of them as the tolerance says."""
    return {
        output: Limit(case.tolerance, "share") for output in case.descriptions if output.endswith(".labels")
    }


def converted_mit(case: Case) -> Mapping[str, np.ndarray]:
    """The stages of a backbone that came from NVIDIA's names; the only input has no name in its outputs."""
    config = schema.read(case.folder / "case.json", ConvertedMiTCase).config
    model = converted_model(case, system="mit", options={"heads": config.num_heads})
    (name, *others) = case.spec["inputs"]
    if others:
        raise UserError(f"the case has {1 + len(others)} inputs, its outputs are those of one")
    return _taps(model, case, name)


def is_mit(case: Case) -> bool:
    """Whether the weights of a case are those of a Mix Transformer by NVIDIA's names."""
    return "patch_embed1.proj.weight" in case.weights()


def _taps(model: nn.Cell, case: Case, name: str) -> dict[str, Any]:
    image = case.input(name)
    return {tap: tensor.asnumpy() for tap, tensor in Taps(model).named(Tensor(image)).items()}
