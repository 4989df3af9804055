"""LSeg: language-driven semantic segmentation (Li et al. 2022)."""

import numpy as np
from mindspore import nn

from ms_ovs.backbones.resnet import ResNet
from ms_ovs.backbones.vit import VisionTransformer
from ms_ovs.clip.text import TextTower
from ms_ovs.errors import UserError
from ms_ovs.models.lseg.decoder import Decoder
from ms_ovs.models.lseg.heads import HeadBlock, PixelTextProduct
from ms_ovs.models.lseg.reassemble import Reassemble
from ms_ovs.models.lseg.variants import LSegConfig
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.resize import bilinear

MULTIPLE = 32


class LSeg(nn.Cell):
    """Images float32 (B, 3, H, W) and class embeddings (C, D) → logits float32 (B, C, H, W).

    Images are normalised by `config.mean` and `config.std`; H and W are multiples of 32. Class
    embeddings, in any length, are an input: a change of words compiles nothing again. With
    embeddings (B, C, D) every image has its own words: this is the zero-shot network, whose two
    words are "others" and the label of the image. `text` is the frozen tower that makes embeddings.
    """

    MAPS = (
        *("layer_1", "layer_2", "layer_3", "layer_4", "path_4", "path_3", "path_2", "path_1"),
        *("pixel_features", "logits_half_size", "logits"),
    )
    TOKENS = ("pos_embed_resized", "tokens_1", "tokens_2", "tokens_3", "tokens_4")

    def __init__(self, config: LSegConfig):
        super().__init__()
        self.config = config
        self.has_vit = not isinstance(config.image, tuple)
        if self.has_vit:
            vit = config.image
            self.image = VisionTransformer(
                patch_size=vit.patch_size,
                width=vit.width,
                layers=vit.layers,
                heads=vit.heads,
                grid=vit.grid,
                norm_epsilon=vit.norm_epsilon,
                hooks=config.hooks,
            )
            self.reassemble1, self.reassemble2, self.reassemble3, self.reassemble4 = (
                Reassemble(width=vit.width, channels=channels, factor=factor)
                for channels, factor in zip(config.widths, config.resample, strict=True)
            )
        else:
            self.image = ResNet(layers=config.image, width=config.widths[0] // 4)
        self.decoder = Decoder(widths=config.widths, features=config.features)
        self.head = conv2d(config.features, config.text.embed_dim, 1, bias=True)
        self.product = PixelTextProduct()
        self.head_block = None
        if config.arch_option:
            self.head_block = HeadBlock(
                arch_option=config.arch_option, depth=config.block_depth, activation=config.activation
            )
        self.text = TextTower(config.text)
        for parameter in self.text.get_parameters():
            parameter.requires_grad = False
        self.TAPS = (*self.TOKENS, *self.MAPS) if self.has_vit else self.MAPS

    def __call__(self, image, text):
        height, width = image.shape[-2:]
        if height % MULTIPLE or width % MULTIPLE:
            raise UserError(
                f"image of {height}×{width} pixels: LSeg takes multiples of {MULTIPLE} in both axes; "
                "pad the image, or use Segmenter, which takes any size"
            )
        return super().__call__(image, text)

    def pyramid(self, image):
        """(B, 3, H, W) → (tokens as in `TOKENS`, maps at 1/4, 1/8, 1/16, 1/32 of the input)."""
        if not self.has_vit:
            return (), self.image(image)
        patch = self.config.image.patch_size
        grid = (image.shape[2] // patch, image.shape[3] // patch)
        position, tokens = self.image(image)
        maps = (
            self.reassemble1(tokens[0], grid),
            self.reassemble2(tokens[1], grid),
            self.reassemble3(tokens[2], grid),
            self.reassemble4(tokens[3], grid),
        )
        return (position, *tokens), maps

    def stages(self, image, text):
        """The results named in `TAPS`."""
        # image to a pyramid of four maps
        tokens, maps = self.pyramid(image)
        # coarse to fine
        paths = self.decoder(*maps)
        # pixels against words, at half of the input size
        pixels = self.head(paths[-1])
        half = self.product(pixels, text)
        if self.head_block is not None:
            half = self.head_block(half)
        logits = bilinear(half, (2 * half.shape[2], 2 * half.shape[3]), align_corners=True)
        return (*tokens, *maps, *paths, pixels, half, logits)

    def construct(self, image, text):
        return self.stages(image, text)[-1]

    def encode_text(self, tokens: np.ndarray) -> np.ndarray:
        """Token ids int32 (N, L) → class embeddings float32 (N, D), not normalised."""
        return self.text.encode(tokens)
