"""Cases of OpenAI's CLIP: networks, tokenizer and preprocessing."""

from collections.abc import Mapping

import numpy as np
from mindspore import Tensor
from PIL import Image

from ms_ovs.clip.preprocess import preprocess
from ms_ovs.clip.variants import VARIANTS
from ms_ovs.errors import UserError
from ms_ovs.nn.taps import Taps
from ms_ovs.parity.adapters.weights import converted_model
from ms_ovs.parity.case import Case
from ms_ovs.vocab.tokenizer import Tokenizer

# the reference keeps the tokens of its blocks in the first axis
TOKENS_FIRST = ("visual_block_0", "visual_block_last", "text_block_0", "text_block_last")


def network(case: Case) -> Mapping[str, np.ndarray]:
    """Image tower, text tower at the full context, and the logits of the two."""
    heads = case.arguments.get("transformer_heads")  # shapes do not tell them
    model = converted_model(case, system="clip", options={"text_heads": heads} if heads else {})
    tokens = Tokenizer()(case.spec["prompts"], context_length=model.config.context_length)
    text = Taps(model.text).named(Tensor(tokens))
    ours = {"tokens": tokens, **_as_reference(text)}
    for name, outputs in case.outputs_by_input().items():
        image = case.input(name)
        if image.shape[2:] != (model.config.image_resolution,) * 2:
            raise UserError(
                f"{name} is of {image.shape}; the network takes {model.config.image_resolution} pixels"
            )
        taps = _as_reference(Taps(model).named(Tensor(image), text["text_features"]))
        ours |= {output: taps[tap] for output, tap in outputs.items() if tap in taps}
    return ours


def _as_reference(taps: Mapping[str, Tensor]) -> dict[str, np.ndarray]:
    arrays = {name: tensor.asnumpy() for name, tensor in taps.items()}
    return {name: a.swapaxes(0, 1) if name in TOKENS_FIRST else a for name, a in arrays.items()}


def tokenizer(case: Case) -> Mapping[str, np.ndarray]:
    """Token ids of every string, cut to the context where they are too long."""
    length = case.arguments["context_length"]
    return {"ids": Tokenizer()(case.strings(), context_length=length, truncate=True)}


def preprocessing(case: Case) -> Mapping[str, np.ndarray]:
    """Photographs as the image tower gets them; an output is named input.resolution."""
    config = VARIANTS["ViT-B/32"]  # mean and deviation are the same for every CLIP
    ours = {}
    for output in case.descriptions:
        name, resolution = output.rsplit(".", 1)
        image = Image.fromarray(case.input(f"input:{name}"))
        ours[output] = preprocess(image, int(resolution), config.mean, config.std)
    return ours
