"""The whole of CLIP: two towers and a temperature."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.clip.resnet import CLIPResNet
from ms_ovs.clip.text import TextTower
from ms_ovs.clip.variants import CLIPConfig
from ms_ovs.clip.vit import CLIPVisionTransformer
from ms_ovs.nn.norm import unit


class CLIP(nn.Cell):
    """Images float32 (B, 3, n, n) and text features (C, embed_dim) → logits per image (B, C).

    exp(logit_scale) times the cosine of each image with each text (paper, figure 3). Text features
    are an input: `model.text(tokens)` makes them, `model.image(image)` gives image features alone.
    """

    def __init__(self, config: CLIPConfig):
        super().__init__()
        self.config = config
        self.image = image_tower(config)
        self.text = TextTower(config.text)
        self.logit_scale = Parameter(np.array(np.log(1 / 0.07), np.float32))
        self.TAPS = (*self.image.TAPS, "logits_per_image")

    def stages(self, image, text):
        """The results named in `TAPS`."""
        visual = self.image.stages(image)
        cosine = ops.matmul(unit(visual[-1]), ops.transpose(unit(text), (1, 0)))
        return (*visual, ops.exp(self.logit_scale) * cosine)

    def construct(self, image, text):
        return self.stages(image, text)[-1]

    def encode_text(self, tokens: np.ndarray) -> np.ndarray:
        """Token ids int32 (N, L) → features float32 (N, embed_dim), not normalised."""
        return self.text.encode(tokens)


def image_tower(config: CLIPConfig) -> nn.Cell:
    """The image tower of a CLIP of this size."""
    if config.is_resnet:
        return CLIPResNet(
            resolution=config.image_resolution,
            width=config.vision_width,
            layers=config.vision_layers,
            heads=config.vision_heads,
            embed_dim=config.embed_dim,
        )
    return CLIPVisionTransformer(
        resolution=config.image_resolution,
        patch_size=config.vision_patch_size,
        width=config.vision_width,
        layers=config.vision_layers,
        heads=config.vision_heads,
        embed_dim=config.embed_dim,
        activation=config.activation,
        norm_epsilon=config.norm_epsilon,
    )
