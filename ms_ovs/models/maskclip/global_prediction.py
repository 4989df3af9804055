"""What a whole CLIP says of a photograph: the source of class weights."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import mindspore as ms
import numpy as np
from mindspore import nn
from PIL import Image

from convert import Source, convert_tensors, read, reverse_tensors
from convert.conversion import FORMAT
from convert.variants import config_of
from ms_ovs.clip.preprocess import preprocess
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill, identify
from ms_ovs.models.maskclip.class_weight import class_weights
from ms_ovs.models.maskclip.variants import MaskCLIPConfig, of_clip
from ms_ovs.models.registry import create_model
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary


class GlobalPrediction:
    """Weights of the words of a vocabulary for photographs, by a whole CLIP of any size.

    `path` is a converted CLIP, a converted MaskCLIP with its text tower (it holds the CLIP that it was made
    of), or OpenAI's own file. Raises `UserError` for anything else.
    """

    def __init__(self, path: str | Path):
        source = read(path)
        try:
            self.clip = _clip(source)
        except UserError as error:
            raise UserError(
                f"class weights need a whole CLIP, which {path} does not give: {error}"
            ) from error
        self.sha256 = source.sha256

    def encode(
        self,
        vocabulary: Vocabulary,
        *,
        tokenizer: Callable[[Sequence[str]], np.ndarray],
        templates: Sequence[str],
        cache: Path | Literal[False] | None = None,
        progress: bool = True,
    ) -> np.ndarray:
        """Features float32 (words, D): means over the templates, not normalised; arguments as of `embed`."""
        return embed(
            self.clip.encode_text,
            vocabulary,
            tokenizer=tokenizer,
            templates=templates,
            weights_hash=self.sha256,
            cache=cache,
            progress=progress,
            normalised=False,
        )

    def weights(self, image: np.ndarray, text: np.ndarray, tau: float) -> np.ndarray:
        """float32 (1, words) of a photograph uint8 (H,W,3), RGB, as it is in its file."""
        config = self.clip.config
        pixels = preprocess(Image.fromarray(image), config.image_resolution, config.mean, config.std)
        features = self.clip.image(ms.Tensor(pixels[None])).asnumpy()
        return class_weights(features, text, tau)


def _clip(source: Source) -> nn.Cell:
    """The CLIP that a file holds."""
    opened = None
    tensors = source.tensors
    if source.metadata.get("format") == FORMAT:
        system, variant, options = identify(source, system=("clip", "maskclip"))
        if system == "clip":
            return _filled(variant, options, tensors, source)
        opened = config_of(system, variant, options)
        tensors = reverse_tensors(tensors, source.metadata).tensors
    conversion = convert_tensors(tensors, system="clip")
    variant, options = conversion.metadata["variant"], json.loads(conversion.metadata["options"])
    if opened is not None and not _opens(opened, variant, options):
        raise UserError("its sizes are not those of a published CLIP: give the CLIP that it was made of")
    return _filled(variant, options, conversion.tensors, source)


def _filled(variant: str, options: dict, tensors: dict, source: Source) -> nn.Cell:
    model = create_model("clip", variant=variant, seed=None, **options)
    fill(model, tensors, origin=str(source.path))
    return model


def _opens(maskclip: MaskCLIPConfig, variant: str, options: dict) -> bool:
    """Whether a MaskCLIP opens the CLIP that the shapes of its tensors tell.

    They do not tell the heads of the text tower.
    """
    known = of_clip(config_of("clip", variant, options))
    return maskclip.text == known.text
