"""MaskCLIP: dense labels out of CLIP, without training (Zhou et al. 2022)."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.clip.text import TextTower
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip.refine import denoised, smoothed
from ms_ovs.models.maskclip.resnet import DenseResNet
from ms_ovs.models.maskclip.variants import MaskCLIPConfig
from ms_ovs.models.maskclip.vit import DenseVisionTransformer
from ms_ovs.nn.norm import unit
from ms_ovs.nn.resize import bilinear


class MaskCLIP(nn.Cell):
    """Images float32 (B, 3, H, W) of any size and class embeddings (C, D) → scores float32 (B, C, H, W).

    Images are normalised by `config.mean` and `config.std`. Class embeddings are an input and are not
    normalised: rows of length 1 give cosines (design 4). They come from the frozen tower `text` or, where
    the network has none, are its own `text_embeddings`. `weights` (B, C), where given, multiply the scores
    before the refinements (`ms_ovs.models.maskclip.class_weight`).

    The scores are computed on the tower's coarse grid and resized bilinearly. With key smoothing they
    are a map of probabilities, not of cosines.
    """

    def __init__(self, config: MaskCLIPConfig):
        super().__init__()
        self.config = config
        self.image = image_tower(config)
        self.text = TextTower(config.text) if config.text else None
        fixed = np.zeros((config.classes, config.embed_dim), np.float32) if config.classes else None
        self.text_embeddings = None if fixed is None else Parameter(fixed)
        for parameter in self.get_parameters():
            parameter.requires_grad = False
        self.TAPS = (*self.image.TAPS, "logits", "upsampled")

    def __call__(self, image, text, weights=None):
        self.check(image.shape, text.shape)
        return super().__call__(image, text, weights)

    def check(self, image: tuple[int, ...], text: tuple[int, ...]) -> None:
        """Raise `UserError` unless the network takes an image and class embeddings of these shapes."""
        height, width = image[-2:]
        if not min(self.image.grid(height, width)):
            raise UserError(f"image of {height}×{width} pixels: MaskCLIP takes 31 or more in both axes")
        rows, dimension = text
        if dimension != self.config.embed_dim:
            raise UserError(
                f"class embeddings of width {dimension}, image features of {self.config.embed_dim}: "
                "encode the words with the text tower of the same CLIP"
            )
        if self.config.classes and rows != self.config.classes:
            raise UserError(
                f"{rows} class embeddings: this checkpoint has fixed ones for {self.config.classes} classes; "
                "give as many, in their order"
            )

    def construct(self, image, text, weights=None):
        return self.upsampled(self.scores(image, text, weights), image)

    def scores(self, image, text, weights=None):
        """Scores (B, C, h, w) on the tower's grid."""
        features, keys = self.image(image)
        return self._refined(features, keys, image, text, weights)

    def stages(self, image, text, weights=None):
        """The results named in `TAPS`."""
        taps, features, keys = self.image.stages(image)
        logits = self._refined(features, keys, image, text, weights)
        return (*taps, logits, self.upsampled(logits, image))

    def upsampled(self, scores, image):
        """The scores at the size of the image, over which the grid is stretched, padded patches and all."""
        return bilinear(scores, (image.shape[2], image.shape[3]), align_corners=False)

    def encode_text(self, tokens: np.ndarray) -> np.ndarray:
        """Token ids int32 (N, L) → class embeddings float32 (N, D), not normalised."""
        return self.text.encode(tokens)

    def _refined(self, features, keys, image, text, weights):
        config = self.config
        scores = ops.matmul(unit(features), ops.transpose(text, (1, 0)))
        if weights is not None:
            scores = scores * ops.expand_dims(weights, 1)
        if config.pd_thresh > 0:
            scores = denoised(scores, config.pd_thresh)
        if config.ks_thresh > 0:
            scores = smoothed(scores, keys, config.ks_thresh, config.ks_axis)
        size = self.image.grid(image.shape[2], image.shape[3])
        # (B, P, C) → (B, C, h, w)
        return ops.transpose(scores, (0, 2, 1)).reshape(scores.shape[0], scores.shape[2], *size)


def image_tower(config: MaskCLIPConfig) -> nn.Cell:
    """The dense image tower of a MaskCLIP of this size."""
    if config.is_resnet:
        return DenseResNet(
            width=config.vision_width,
            layers=config.vision_layers,
            heads=config.vision_heads,
            embed_dim=config.embed_dim,
            attn_pooling=config.attn_pooling,
        )
    return DenseVisionTransformer(
        resolution=config.image_resolution,
        patch_size=config.vision_patch_size,
        width=config.vision_width,
        layers=config.vision_layers,
        heads=config.vision_heads,
        embed_dim=config.embed_dim,
        activation=config.activation,
        norm_epsilon=config.norm_epsilon,
    )
