"""Cases of MaskCLIP: the networks, the networks from a CLIP's checkpoint, and the embeddings of words."""

import dataclasses
import re
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import numpy as np
from mindspore import Tensor, nn
from pydantic import BaseModel, Field

from convert.steps import run
from convert.tables.clip import VIT_TABLE
from ms_ovs.clip.text import TextTower
from ms_ovs.clip.variants import TextConfig
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill
from ms_ovs.nn.resize import bilinear
from ms_ovs.nn.taps import Taps
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.weights import converted, filled_model
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit
from ms_ovs.parity.labels import decided
from ms_ovs.vocab.embeddings import embed, unit_rows
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.templates import fill as filled
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "maskclip"
HEAD = "decode_head."
ATTN_POOLING = "_attn_pooling"  # ends the names of outputs with a closed attention pool
# The fields of the authors' configurations that shapes do not tell, and ours.
OPTIONS = {
    "num_heads": "vision_heads",
    "num_heads_of_attn_pooling": "vision_heads",
    "layernorm_eps": "norm_epsilon",
    "ks_thresh": "ks_thresh",
    "pd_thresh": "pd_thresh",
    "attn_pooling": "attn_pooling",
}


class FloatTolerance(BaseModel):
    """The largest error of float32 on a CPU."""

    float32_cpu: Annotated[float, Field(ge=0, allow_inf_nan=False)]


class NetworkCase(schema.Case):
    """`maskclip/network` and `maskclip/converted`"""

    inputs: Annotated[dict[str, schema.Images], schema.AtLeastOne]
    config: dict[str, Any]
    tolerance: FloatTolerance


class TextConfiguration(BaseModel):
    """The text tower's heads, which shapes do not tell, and the templates."""

    heads: int
    templates: schema.Texts


class TextCase(schema.Case):
    """`maskclip/text_embeddings`"""

    config: TextConfiguration
    class_names: schema.Texts
    tolerance: FloatTolerance


def network(case: Case) -> Mapping[str, np.ndarray]:
    """Every named stage for every input."""
    config = case.spec["config"]
    options = {ours: config[theirs] for theirs, ours in OPTIONS.items() if theirs in config}
    if "quick" in config.get("activation", "").lower():
        options["activation"] = "quick_gelu"
    weights = case.weights()
    return _stages(case, lambda more: _model(case, weights, {**options, **more}))


def from_clip(case: Case) -> Mapping[str, np.ndarray]:
    """The scores of the network that a CLIP's checkpoint becomes."""
    weights = {name.removeprefix(HEAD): entry for name, entry in case.weights().items()}
    return _stages(case, lambda more: _model(case, weights, more))


def _model(case: Case, weights: Mapping, options: Mapping) -> nn.Cell:
    conversion = converted(case, system=SYSTEM, weights=weights, options=options)
    return filled_model(conversion, origin=case.name)


def _stages(case: Case, model_with: Callable[[Mapping], nn.Cell]) -> dict[str, np.ndarray]:
    """The outputs, by a model for each of their options and one run for each of their inputs."""
    models, runs, ours = {}, {}, {}
    align = bool(case.spec["config"].get("align_corners", False))
    for output in case.descriptions:
        prefix, _, tap = output.rpartition(".")
        closed = tap.endswith(ATTN_POOLING)
        if closed not in models:
            models[closed] = model_with({"attn_pooling": True} if closed else {})
        if (prefix, closed) not in runs:
            runs[prefix, closed] = _run(models[closed], _image(case, output, prefix), align)
        taps = runs[prefix, closed]
        if tap == "labels":
            ours[output] = decided(case, output, taps["upsampled"])
        else:
            ours[output] = taps.get(tap.removesuffix(ATTN_POOLING))
    return {output: array for output, array in ours.items() if array is not None}


def _image(case: Case, output: str, prefix: str) -> np.ndarray:
    """The input that an output belongs to by its name, or that its description multiplies by a number."""
    inputs = case.spec["inputs"]
    if f"input:{prefix}" in inputs:
        return case.input(f"input:{prefix}")
    product = re.search(r"([\d.]+(?:e-?\d+)?) \* (input:[\w.-]*\w)", case.descriptions[output])
    if product:
        return np.float32(product.group(1)) * case.input(product.group(2))
    if len(inputs) == 1:
        return case.input(next(iter(inputs)))
    raise UserError(f"output {output!r} does not say which of {', '.join(inputs)} it belongs to")


def _run(model: nn.Cell, image: np.ndarray, align_corners: bool) -> dict[str, np.ndarray]:
    text = model.text_embeddings
    model.check(image.shape, text.shape)
    taps = Taps(model).named(Tensor(image), Tensor(text.asnumpy()))
    if align_corners:
        taps["upsampled"] = bilinear(taps["logits"], image.shape[2:], align_corners=True)
    return {name: tensor.asnumpy() for name, tensor in taps.items()}


def label_limits(case: Case) -> dict[str, Limit]:
    """Labels are compared by the share of those that differ."""
    names = [output for output in case.descriptions if re.search(r"(^|\.)labels", output)]
    return dict.fromkeys(names, Limit(case.tolerance, "share"))


def text_embeddings(case: Case) -> Mapping[str, np.ndarray]:
    """Tokens, the tower's own output, and the means over the templates, normalised or not."""
    tower, names = _text_tower(case), case.spec["class_names"]
    templates = case.spec["config"]["templates"]
    quoted = re.findall(r'"([^"]+)"', case.descriptions.get("tokens", ""))
    texts = [filled(templates[0], names[0]), *quoted, *names]
    length = tower.config.context_length
    tokens = Tokenizer()(texts, context_length=length)
    single = re.search(r'"([^"]*\{\}[^"]*)"', case.descriptions.get("embeddings_single_prompt", ""))

    def means(prompts: list[str]) -> np.ndarray:
        return embed(
            tower.encode,
            Vocabulary.of(names),
            tokenizer=lambda rows: Tokenizer()(rows, context_length=length),
            templates=prompts,
            weights_hash=case.name,
            cache=False,
            progress=False,
            normalised=False,
        )

    features = means(templates)
    ours = {
        "tokens": tokens,
        "encoded": tower.encode(tokens),
        "embeddings": unit_rows(features),
        "text_features_class_weight": features,
        "text_features_norms": np.linalg.norm(features, axis=1),
    }
    if single:
        ours["embeddings_single_prompt"] = unit_rows(means([single.group(1)]))
    return ours


def _text_tower(case: Case) -> TextTower:
    """The tower of a case that has no other part of a CLIP."""
    weights = case.weights()
    steps = [step for step in VIT_TABLE.plan(weights).steps if step.targets[0].startswith("text.")]
    tensors = {name.removeprefix("text."): entry for name, entry in run(steps, weights).items()}
    try:
        width, embed_dim = tensors["projection"].shape
        config = TextConfig(
            embed_dim=embed_dim,
            width=width,
            heads=case.spec["config"]["heads"],
            layers=len({name.split(".")[1] for name in tensors if name.startswith("blocks.")}),
            context_length=tensors["positional_embedding"].shape[0],
            vocab_size=tensors["token_embedding"].shape[0],
        )
    except (KeyError, ValueError) as error:
        raise UserError(f"the state_dict holds no text tower of a CLIP ({error})") from None
    if not config.heads or config.width % config.heads:
        raise UserError(f"heads {config.heads} does not divide the text width {config.width}")
    activation = case.spec["config"].get("activation", "quick_gelu")
    if "quick" not in activation.lower():
        config = dataclasses.replace(config, activation="gelu")
    if "layernorm_eps" in case.spec["config"]:
        config = dataclasses.replace(config, norm_epsilon=case.spec["config"]["layernorm_eps"])
    tower = TextTower(config).set_train(False)
    fill(tower, tensors, origin=case.name)
    return tower
