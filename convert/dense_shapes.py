"""The tensors of SegFormer and of the backbones that dense networks start from: target name → shape."""

from collections.abc import Sequence

from convert.shape_parts import Named, Shapes, batch_norm, bottlenecks, conv, conv_unit, norm
from ms_ovs.backbones.variants import MiTConfig, ResNetConfig
from ms_ovs.models.segformer.variants import SegFormerConfig


def mit(config: MiTConfig) -> Shapes:
    """The tensors of a Mix Transformer."""
    return dict(_mit("", config))


def resnet(config: ResNetConfig) -> Shapes:
    """The tensors of a dilated ResNet."""
    return dict(_resnet("", config))


def segformer(config: SegFormerConfig) -> Shapes:
    """The tensors of a SegFormer."""
    return {
        **dict(_mit("backbone.", config.backbone)),
        **dict(all_mlp("head.", config.backbone.widths, config.features)),
        **dict(conv("classifier", config.classes, config.features, 1, 1)),
    }


def all_mlp(prefix: str, channels: Sequence[int], features: int) -> Named:
    """SegFormer's head on maps of `channels`."""
    for level, count in enumerate(channels):
        yield from conv_unit(f"{prefix}units.{level}", features, count, 1, 1)
    yield f"{prefix}fusion.weight", (features, len(channels) * features, 1, 1)
    yield from batch_norm(f"{prefix}fusion.bn", features)


def _mit(prefix: str, config: MiTConfig) -> Named:
    inputs = 3
    for level, width in enumerate(config.widths):
        stage, kernel = f"{prefix}stage{level + 1}", config.kernels[level]
        yield from conv(f"{stage}.embedding.conv", width, inputs, kernel, kernel)
        yield from norm(f"{stage}.embedding.norm", width)
        for k in range(config.depths[level]):
            yield from _block(
                f"{stage}.blocks.{k}", width, config.reductions[level], config.mlp_ratio * width
            )
        yield from norm(f"{stage}.norm", width)
        inputs = width


def _block(block: str, width: int, reduction: int, inner: int) -> Named:
    yield from norm(f"{block}.norm1", width)
    yield from conv(f"{block}.attn.q", width, width, 1, 1)
    yield from conv(f"{block}.attn.kv", 2 * width, width, 1, 1)
    if reduction > 1:
        yield from conv(f"{block}.attn.reduce", width, width, reduction, reduction)
        yield from norm(f"{block}.attn.norm", width)
    yield from conv(f"{block}.attn.proj", width, width, 1, 1)
    yield from norm(f"{block}.norm2", width)
    yield from conv(f"{block}.ffn.fc1", inner, width, 1, 1)
    yield from conv(f"{block}.ffn.dwconv", inner, 1, 3, 3)
    yield from conv(f"{block}.ffn.fc2", width, inner, 1, 1)


def _resnet(prefix: str, config: ResNetConfig) -> Named:
    width, half = config.width, config.width // 2
    deep = ((half, 3, 3, 3), (half, half, 3, 3), (width, half, 3, 3))
    for n, kernel in enumerate(deep if config.deep_stem else ((width, 3, 7, 7),), start=1):
        yield f"{prefix}stem.conv{n}.weight", kernel
        yield from batch_norm(f"{prefix}stem.bn{n}", kernel[0])
    yield from bottlenecks(f"{prefix}layer", config.depths, width)
