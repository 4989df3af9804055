"""The networks of LSeg (design: backbones and their taps), as a table of numbers."""

from dataclasses import dataclass, replace

from ms_ovs.clip import variants as clip


@dataclass(frozen=True, kw_only=True)
class ViTConfig:
    """Size of a plain vision transformer: `grid` patches a side when it was pre-trained."""

    patch_size: int
    width: int
    layers: int
    heads: int
    grid: int
    norm_epsilon: float = 1e-6


@dataclass(frozen=True, kw_only=True)
class LSegConfig:
    """An LSeg network.

    `image` is a ViT, or the depths of a ResNet's four stages. `hooks` are the tapped blocks
    (0-based), `widths` the channels of the four maps given to the decoder, `resample` the factor
    by which each tap's grid grows (-2: shrinks to a half). `arch_option` 1 or 2 adds the
    regularisation block (1 bottleneck, 2 depthwise), applied `block_depth` times.
    """

    image: ViTConfig | tuple[int, int, int, int]
    text: clip.TextConfig
    widths: tuple[int, int, int, int]
    hooks: tuple[int, ...] = ()
    resample: tuple[int, ...] = ()
    features: int = 256
    arch_option: int = 0
    block_depth: int = 0
    activation: str = "lrelu"
    mean: tuple[float, float, float] = (0.5, 0.5, 0.5)
    std: tuple[float, float, float] = (0.5, 0.5, 0.5)
    base_size: int = 520
    crop_size: int = 480


VIT_L16 = ViTConfig(patch_size=16, width=1024, layers=24, heads=16, grid=24)
VIT_B32 = ViTConfig(patch_size=32, width=768, layers=12, heads=12, grid=12)

_DEFAULT = LSegConfig(
    image=VIT_L16,
    text=clip.VARIANTS["ViT-B/32"].text,
    hooks=(5, 11, 17, 23),
    widths=(256, 512, 1024, 1024),
    resample=(4, 2, 1, -2),
)

VARIANTS: dict[str, LSegConfig] = {
    "clip_vitl16_384": _DEFAULT,
    "clipRN50x16_vitl16_384": replace(_DEFAULT, text=clip.VARIANTS["RN50x16"].text),
    "clip_vitb32_384": LSegConfig(
        image=VIT_B32,
        text=clip.VARIANTS["ViT-B/32"].text,
        hooks=(2, 5, 8, 11),
        widths=(96, 192, 384, 768),
        resample=(8, 4, 2, 1),
    ),
    "clip_resnet101": LSegConfig(
        image=(3, 4, 23, 3),
        text=clip.VARIANTS["ViT-B/32"].text,
        widths=(256, 512, 1024, 2048),
        mean=(0.485, 0.456, 0.406),
        std=(0.229, 0.224, 0.225),
    ),
}
