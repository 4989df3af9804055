"""The weights that MaskCLIP+ starts from: a CLIP as the teacher, a backbone trained on ImageNet."""

import math
from pathlib import Path

import numpy as np
from mindspore import Tensor

from convert import read
from convert.variants import config_of
from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.clip.text import TextTower
from ms_ovs.clip.variants import CLIPConfig
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill, identify
from ms_ovs.models.maskclip.variants import MaskCLIPConfig, of_clip
from ms_ovs.models.maskclip_plus.model import MaskCLIPPlus

UNUSED = "image.attnpool.positional_embedding"  # the teacher's pool is opened


class TeacherFile:
    """A converted CLIP or MaskCLIP, with the towers that it holds.

    `config` is that of the MaskCLIP without words, `sha256` that of the file. Raises `UserError` for
    another kind of file. `words` tells whether it holds a text tower.
    """

    def __init__(self, path: str | Path):
        source = read(path)
        system, variant, options = identify(source)
        if system not in ("clip", "maskclip"):
            raise UserError(
                f"{path} is a checkpoint of {system!r}, here one of 'clip' or 'maskclip' is needed; convert "
                "yours with python -m convert SOURCE TARGET --system clip"
            )
        config = config_of(system, variant, options)
        self.source, self.sha256, self.text = source, source.sha256, config.text
        self.config = _without_words(config)

    def fill(self, model: MaskCLIPPlus) -> None:
        """Set the model's teacher."""
        own = {name: entry for name, entry in self.source.tensors.items() if name.startswith("image.")}
        own.pop(UNUSED, None)
        fill(model.teacher, own, origin=str(self.source.path))

    def text_tower(self) -> TextTower:
        """The tower that encodes its words. Raises `UserError` where it has fixed embeddings instead."""
        if self.text is None:
            raise UserError(
                f"{self.source.path} holds no text tower, so there is nothing to encode words with: give the "
                "converted CLIP itself"
            )
        tower = TextTower(self.text).set_train(False)
        tensors = {
            name.removeprefix("text."): entry
            for name, entry in self.source.tensors.items()
            if name.startswith("text.")
        }
        fill(tower, tensors, origin=str(self.source.path))
        return tower


def _without_words(config: CLIPConfig | MaskCLIPConfig) -> MaskCLIPConfig:
    if isinstance(config, CLIPConfig):
        return of_clip(config, text=None)
    sizes = {name: value for name, value in vars(config).items() if name not in ("text", "classes")}
    return MaskCLIPConfig(**sizes)


def fill_backbone(model: MaskCLIPPlus, path: str | Path) -> None:
    """Set the student's backbone from a converted one ("mit" or "resnet"). Raises `UserError` for another."""
    source = read(path)
    system = "mit" if isinstance(model.config.backbone, MiTConfig) else "resnet"
    identify(source, system=system)
    fill(model.backbone, source.tensors, origin=str(source.path))


def draw_head(model: MaskCLIPPlus, seed: int) -> None:
    """Draw the head anew: convolutions as He et al. (2015) for what they give out, the background from N(0,
    1)."""
    rng = np.random.default_rng([seed, 1])
    for parameter in model.head.get_parameters():
        shape = parameter.shape
        if parameter.ndim == 4:
            deviation = math.sqrt(2 / (shape[0] * shape[2] * shape[3]))
        elif parameter.ndim == 2:
            deviation = 1.0
        else:
            continue  # of batch norm: 1 and 0, as they are
        draw = rng.standard_normal(shape, np.float32) * np.float32(deviation)
        parameter.set_data(Tensor(draw))
