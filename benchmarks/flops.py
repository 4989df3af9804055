"""Floating-point operations (a multiplication and an addition are two) of the networks.

Divided by the rate of a matrix product on the same machine they give the time that no program
of the same arithmetic can go below. Norms, activations and softmax are left out.
"""

from collections.abc import Iterable

from ms_ovs.clip.variants import CLIPConfig, TextConfig
from ms_ovs.models.lseg.variants import LSegConfig


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
