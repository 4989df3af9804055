"""Cases of LSeg's networks, with one list of labels or with a pair of words for every image."""

from collections.abc import Mapping, Sequence

import numpy as np
from mindspore import Tensor, nn

from ms_ovs.errors import UserError
from ms_ovs.models.lseg.model import MULTIPLE
from ms_ovs.nn.taps import Taps
from ms_ovs.parity.adapters.weights import converted_model
from ms_ovs.parity.case import Case
from ms_ovs.vocab.tokenizer import Tokenizer

BLOCK_OPTIONS = ("arch_option", "block_depth", "activation")


def network(case: Case) -> Mapping[str, np.ndarray]:
    """Every named stage for every input, and the counts of the winning labels."""
    return _stages(case, {name: case.arguments[name] for name in BLOCK_OPTIONS if name in case.arguments})


def zero_shot(case: Case) -> Mapping[str, np.ndarray]:
    """The same with a pair of words for every image; these networks ignore the options of the block."""
    return _stages(case, {})


def _stages(case: Case, options: Mapping) -> Mapping[str, np.ndarray]:
    model = converted_model(case, system="lseg", variant=case.arguments["backbone"], options=options)
    text = _text_features(case, model)
    ours = {"text_features": text}
    for name, outputs in case.outputs_by_input().items():
        image = case.input(name)
        height, width = image.shape[2:]
        if height % MULTIPLE or width % MULTIPLE:
            raise UserError(f"{name} is of {height}×{width} pixels; LSeg takes multiples of {MULTIPLE}")
        if text.ndim == 3 and len(text) != len(image):
            raise UserError(f"{name} has {len(image)} images and the case {len(text)} label_pairs")
        tensors = Taps(model).named(Tensor(image), Tensor(text))
        wanted = {"logits", *outputs.values()}
        taps = {tap: tensor.asnumpy() for tap, tensor in tensors.items() if tap in wanted}
        winners = taps["logits"].argmax(1)
        taps["argmax_histogram"] = np.bincount(winners.ravel(), minlength=taps["logits"].shape[1])
        taps["foreground_pixels"] = (winners == 1).sum((1, 2))
        ours |= {output: taps[tap] for output, tap in outputs.items() if tap in taps}
    return ours


def _text_features(case: Case, model: nn.Cell) -> np.ndarray:
    """Features of the bare labels (C, D), or of each image's pair (B, 2, D)."""
    pairs = case.spec.get("label_pairs")
    if not pairs:
        return encode(model, case.spec["labels"])
    return encode(model, [label for pair in pairs for label in pair]).reshape(len(pairs), 2, -1)


def encode(model: nn.Cell, labels: Sequence[str]) -> np.ndarray:
    """Features (labels, D) of bare labels, on as many positions as the longest needs."""
    tokens = Tokenizer()(labels, context_length=model.config.text.context_length)
    return model.encode_text(tokens[:, : int(tokens.argmax(1).max()) + 1])
