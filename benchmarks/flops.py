"""Floating-point operations (a multiplication and an addition are two) of the networks.

Divided by the rate of a matrix product on the same machine they give the time that no program
of the same arithmetic can go below. Norms, activations and softmax are left out.
"""

from collections.abc import Iterable

from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.clip.variants import CLIPConfig, TextConfig
from ms_ovs.models.lseg.variants import LSegConfig
from ms_ovs.models.maskclip.variants import MaskCLIPConfig
from ms_ovs.models.maskclip_plus.variants import MaskCLIPPlusConfig
from ms_ovs.models.segformer.variants import SegFormerConfig


def transformer(tokens: int, width: int, layers: int) -> float:
    """Blocks of attention and a fourfold MLP: qkv 6, projection 2, MLP 16 (· N C²), attention 4 (· N² C)."""
    return layers * (24 * tokens * width**2 + 4 * tokens**2 * width)


def convolution(pixels: int, inputs: int, outputs: int, kernel: int) -> float:
    """A convolution that makes `pixels` pixels."""
    return 2 * pixels * inputs * outputs * kernel**2


def clip_image(config: CLIPConfig) -> float:
    """One image through a ViT image tower."""
    patches = (config.image_resolution // config.vision_patch_size) ** 2
    width = config.vision_width
    embedding = convolution(patches, 3, width, config.vision_patch_size)
    blocks = transformer(patches + 1, width, config.vision_layers)
    return embedding + blocks + 2 * width * config.embed_dim


def clip_text(config: TextConfig, lengths: Iterable[int]) -> float:
    """Texts through a text tower, each as long as it is."""
    projection = 2 * config.width * config.embed_dim
    return sum(transformer(length, config.width, config.layers) + projection for length in lengths)


def lseg(config: LSegConfig, size: int, labels: int) -> float:
    """One square image through an LSeg with a ViT, against `labels` ready embeddings."""
    vit, features = config.image, config.features
    grid = size // vit.patch_size
    patches = grid**2
    total = convolution(patches, 3, vit.width, vit.patch_size)
    total += transformer(patches + 1, vit.width, vit.layers)
    for level, (channels, factor) in enumerate(zip(config.widths, config.resample, strict=True)):
        side = grid // 2 if factor == -2 else grid * factor
        pixels = side**2
        # readout, projection, resampling
        total += 2 * patches * 2 * vit.width**2 + convolution(patches, vit.width, channels, 1)
        if factor > 1:
            total += 2 * patches * channels**2 * factor**2
        elif factor == -2:
            total += convolution(pixels, channels, channels, 3)
        # decoder: reduction, residual units of two convolutions, 1×1 before the enlargement
        units = 1 if level == 3 else 2
        total += convolution(pixels, channels, features, 3)
        total += 2 * units * convolution(pixels, features, features, 3)
        total += convolution(pixels, features, features, 1)
    half = (size // 2) ** 2
    total += convolution(half, features, config.text.embed_dim, 1)
    return total + 2 * half * config.text.embed_dim * labels


def lseg_step(config: LSegConfig, size: int, labels: int) -> float:
    """A training step on one such image: forward, and backward to the inputs and the weights of each product.

    No gradient reaches the image and the words, so their two products are left out.
    """
    vit = config.image
    patches = convolution((size // vit.patch_size) ** 2, 3, vit.width, vit.patch_size)
    words = 2 * (size // 2) ** 2 * config.text.embed_dim * labels
    return 3 * lseg(config, size, labels) - patches - words


def segformer(config: SegFormerConfig, size: int) -> float:
    """One square image through a SegFormer to its logits, on the grid of stage 1.

    The fusion is counted as it is computed here, each map at its own resolution.
    """
    total = _fused(config.backbone, config.features, size)
    return total + convolution(_first_grid(config.backbone, size), config.features, config.classes, 1)


def segformer_step(config: SegFormerConfig, size: int) -> float:
    """A training step on one such image: no gradient reaches the image."""
    return 3 * segformer(config, size) - _first(config.backbone, size)


def maskclip(config: MaskCLIPConfig, size: int) -> float:
    """One square image through a MaskCLIP with a ViT to its unit features; the words' product is not counted.

    The last block is the values and the output of its attention, all of it linear, and its MLP.
    """
    patches, width = (size // config.vision_patch_size) ** 2, config.vision_width
    blocks = transformer(patches + 1, width, config.vision_layers - 1)
    last = (4 + 16) * patches * width**2
    return (
        convolution(patches, 3, width, config.vision_patch_size)
        + blocks
        + last
        + 2 * patches * width * config.embed_dim
    )


def student_step(config: MaskCLIPPlusConfig, size: int) -> float:
    """A training step of a SegFormer student; no gradient reaches the image and the words."""
    mit, features = config.backbone, config.embed_dim
    words = convolution(_first_grid(mit, size), features, config.classes, 1)
    return 3 * _fused(mit, features, size) + 2 * words - _first(mit, size)


def _fused(mit: MiTConfig, features: int, size: int) -> float:
    """One square image through a Mix Transformer and the fusion of its maps."""
    total, inputs, side = 0.0, 3, size
    for level, width in enumerate(mit.widths):
        side = -(-side // mit.strides[level])
        pixels, seen, inner = side**2, (side // mit.reductions[level]) ** 2, mit.mlp_ratio * width
        total += convolution(pixels, inputs, width, mit.kernels[level])
        block = convolution(2 * pixels + 2 * seen, width, width, 1) + 4 * pixels * seen * width
        block += 2 * convolution(pixels, width, inner, 1) + convolution(pixels, 1, inner, 3)
        if mit.reductions[level] > 1:
            block += convolution(seen, width, width, mit.reductions[level])
        total += mit.depths[level] * block
        total += convolution(pixels, width, features, 1) + convolution(pixels, features, features, 1)
        inputs = width
    return total


def _first(mit: MiTConfig, size: int) -> float:
    return convolution(_first_grid(mit, size), 3, mit.widths[0], mit.kernels[0])


def _first_grid(mit: MiTConfig, size: int) -> int:
    return (-(-size // mit.strides[0])) ** 2
