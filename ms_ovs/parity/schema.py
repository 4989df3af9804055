"""What the files of a case must hold: a malformed one is a clear line before anything slow is done."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, NonNegativeFloat, PositiveInt, TypeAdapter, ValidationError

from ms_ovs.errors import UserError

AtLeastOne = Field(min_length=1)
Texts = Annotated[list[str], AtLeastOne]


class Input(BaseModel):
    """An input by the fill rule."""

    kind: Literal["normal", "uint8", "labels"]
    shape: Annotated[list[PositiveInt], AtLeastOne]
    high: PositiveInt | None = None


class Images(Input):
    """Normalised images (B, 3, H, W)."""

    kind: Literal["normal"]
    shape: tuple[PositiveInt, Literal[3], PositiveInt, PositiveInt]


class Photo(Input):
    """A photograph (H, W, 3), or (H, W) when it is grey."""

    kind: Literal["uint8"]
    shape: tuple[PositiveInt, PositiveInt, Literal[3]] | tuple[PositiveInt, PositiveInt]


class Tolerance(BaseModel):
    """The largest error allowed."""

    error: Annotated[NonNegativeFloat, Field(allow_inf_nan=False)]


class Described(BaseModel):
    """What an output is; the shape that stands beside it is that of the array."""

    what: str


class Case(BaseModel):
    """What every kind has."""

    outputs: Annotated[dict[str, str | Described], AtLeastOne]
    tolerance: Literal["exact"] | Tolerance


class ClipNetwork(Case):
    """`clip/network`"""

    inputs: Annotated[dict[str, Images], AtLeastOne]
    prompts: Texts


Sized = Annotated[str, Field(pattern=r"^.+\.[1-9][0-9]*$")]


class ClipPreprocess(Case):
    """`clip/preprocess`: an output is named input.resolution."""

    inputs: dict[str, Photo]
    outputs: Annotated[dict[Sized, str], AtLeastOne]


class Context(BaseModel):
    """Arguments of CLIP's tokenizer."""

    context_length: PositiveInt


class TokenizerReference(BaseModel):
    """What the tokenizer was called with."""

    arguments: Context


class ClipTokenizer(Case):
    """`clip/tokenizer`: the rows are in a file of their own."""

    reference: TokenizerReference
    file: str


class Network(BaseModel):
    """Arguments of LSeg's networks."""

    backbone: str


class NetworkReference(BaseModel):
    """What an LSeg network was built with."""

    arguments: Network


class LSegNetwork(Case):
    """`lseg/network`"""

    reference: NetworkReference
    inputs: Annotated[dict[str, Images], AtLeastOne]
    labels: Texts


class LSegZeroShot(Case):
    """`lseg/zero_shot`: a pair of words for every image."""

    reference: NetworkReference
    inputs: Annotated[dict[str, Images], AtLeastOne]
    label_pairs: Annotated[list[tuple[str, str]], AtLeastOne]


class TensorSpec(BaseModel):
    """A tensor of `state_dict.json`."""

    name: str
    shape: list[Annotated[int, Field(ge=0)]]
    dtype: Literal["float64", "float32", "float16", "int64", "int32", "int16", "int8", "uint8", "bool"]
    value: Any = None


class Tokens(BaseModel):
    """A string and its ids in a tokenizer's file."""

    text: str
    ids: list[int]


def read(path: Path, schema: Any) -> Any:
    """The content of a JSON file that fits `schema`. Raises `UserError` with the place that does not."""
    try:
        return TypeAdapter(schema).validate_json(path.read_bytes(), strict=True)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        fault = max(error.errors(), key=lambda fault: len(fault["loc"]))  # the closest of alternatives
        place = f", at {'.'.join(map(str, fault['loc']))}" if fault["loc"] else ""
        raise UserError(f"{path}{place}: {fault['msg']}") from None
