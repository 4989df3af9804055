"""MaskCLIP+: a segmentation network that learnt from MaskCLIP's labels (Zhou et al. 2022, section 3.3)."""

import numpy as np
from mindspore import Parameter, nn, ops

from ms_ovs.backbones.dilated_resnet import DilatedResNet
from ms_ovs.backbones.mit import MixTransformer
from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip_plus.teacher import Teacher
from ms_ovs.models.maskclip_plus.variants import DEEPLAB_V2, SEGFORMER, MaskCLIPPlusConfig
from ms_ovs.nn.all_mlp_head import AllMLPHead
from ms_ovs.nn.aspp import DeepLabV2Head, DeepLabV3PlusHead
from ms_ovs.nn.norm import unit
from ms_ovs.nn.resize import bilinear


class StudentHead(nn.Cell):
    """The four maps of a backbone → features (B, D, h, w); keeps the background vector, where there is one.

    h and w are those of stage 1 or, with DeepLabv2, of stage 4.
    """

    def __init__(self, kind: str, channels: tuple[int, ...], *, features: int, background: bool):
        super().__init__()
        self.takes_all, self.takes_last = kind == SEGFORMER, kind == DEEPLAB_V2
        if self.takes_all:
            self.decode = AllMLPHead(channels, features=features)
        elif self.takes_last:
            self.decode = DeepLabV2Head(channels[3], features=features)
        else:
            self.decode = DeepLabV3PlusHead(channels[0], channels[3], features=features)
        self.background = Parameter(np.ones((1, features), np.float32)) if background else None

    def construct(self, maps):
        if self.takes_all:
            return self.decode(maps)
        if self.takes_last:
            return self.decode(maps[3])
        return self.decode(maps[0], maps[3])


class MaskCLIPPlus(nn.Cell):
    """Images float32 (B, 3, H, W) of any size and class embeddings (C, D) → scores (B, channels, H, W).

    Images are normalised by `config.mean` and `config.std`. A score is the dot product of a class embedding
    with the student's features, which have no norm of 1 and no scale. Class embeddings are an input, not
    normalised here; `text_embeddings` are those that the student learnt with. With a background its vector,
    divided by its 2-norm, comes before them: there is one more channel, in front. `weights` (B, C), where
    given, are class weights (`ms_ovs.models.maskclip.class_weight`): C times them multiply the scores, the
    background stays as it is.

    The teacher has no part in this; `ms_ovs.models.maskclip_plus.completion` asks it.
    """

    def __init__(self, config: MaskCLIPPlusConfig):
        super().__init__()
        _check(config)
        self.config = config
        kind = MixTransformer if isinstance(config.backbone, MiTConfig) else DilatedResNet
        self.backbone = kind(config.backbone)
        self.head = StudentHead(
            config.head, self.backbone.channels, features=config.embed_dim, background=config.background
        )
        self.teacher = Teacher(config.teacher)
        embeddings = np.zeros((config.classes, config.embed_dim), np.float32)
        self.text_embeddings = Parameter(embeddings, requires_grad=False)
        self.TAPS = (*self.backbone.TAPS, "features", "logits", "upsampled")

    def __call__(self, image, text, weights=None):
        self.check(image.shape, text.shape)
        return super().__call__(image, text, weights)

    def check(self, image: tuple[int, ...], text: tuple[int, ...]) -> None:
        """Raise `UserError` unless the network takes an image and class embeddings of these shapes."""
        height, width = image[-2:]
        least = getattr(self.backbone, "least", 1)
        if min(height, width) < least:
            raise UserError(
                f"image of {height}×{width} pixels: this student takes {least} or more in both axes"
            )
        rows, dimension = text
        config = self.config
        if dimension != config.embed_dim:
            raise UserError(
                f"class embeddings of width {dimension}: this student learnt with {config.embed_dim}; "
                "encode the words with the text tower of its teacher's CLIP"
            )
        if rows != config.classes:
            raise UserError(
                f"{rows} class embeddings: this checkpoint has fixed ones for {config.classes} classes; "
                "give as many, in their order"
            )

    def construct(self, image, text, weights=None):
        return self.stages(image, text, weights)[-1]

    def stages(self, image, text, weights=None):
        """The results named in `TAPS`; "logits" are on the grid of the features."""
        maps = self.backbone.stages(image)
        features = self.head(maps)
        logits = self.of_features(features, text, weights)
        return (*maps, features, logits, bilinear(logits, image.shape[2:], align_corners=False))

    def features(self, image):
        """The head's features (B, D, h, w)."""
        return self.head(self.backbone.stages(image))

    def scores(self, image, text, weights=None):
        """Scores (B, channels, h, w) on the grid of the features."""
        return self.of_features(self.features(image), text, weights)

    def of_features(self, features, text, weights=None):
        """Scores (B, channels, h, w) of the features."""
        if self.config.norm_feat:
            features = unit(features, 1)
        scores = products(self.rows(text), features)
        if weights is None:
            return scores
        batch, count = weights.shape
        weights = weights * count
        if count < self.config.channels:
            weights = ops.concat((ops.ones((batch, 1), weights.dtype), weights), 1)
        return scores * weights.reshape(batch, -1, 1, 1)

    def rows(self, text):
        """Class embeddings (channels, D), those of the background first."""
        background = self.head.background
        return text if background is None else ops.concat((unit(background), text), 0)


def products(rows, features):
    """(C, D) and (B, D, h, w) → (B, C, h, w)."""
    batch, channels, height, width = features.shape
    columns = features.reshape(batch, channels, height * width)
    return ops.matmul(rows, columns).reshape(batch, rows.shape[0], height, width)


def _check(config: MaskCLIPPlusConfig) -> None:
    """Raise `UserError` for parts that do not go together."""
    if (config.head == SEGFORMER) != isinstance(config.backbone, MiTConfig):
        raise UserError(
            f"head {config.head!r} on a {type(config.backbone).__name__.removesuffix('Config')}: "
            "'segformer' takes a MiT, 'deeplabv2' and 'deeplabv3plus' a ResNet"
        )
