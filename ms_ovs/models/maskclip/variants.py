"""The sizes of MaskCLIP (Zhou et al. 2022): the CLIPs that it opens, and its options."""

from dataclasses import dataclass
from typing import Literal

from ms_ovs.clip import variants as clip

POSITIONS, CHANNELS = "positions", "channels"


@dataclass(frozen=True, kw_only=True)
class MaskCLIPConfig:
    """A MaskCLIP network.

    The first fields are sizes of a CLIP (`ms_ovs.clip.variants.CLIPConfig`); `text` is its text tower, None
    where the network has `classes` fixed class embeddings instead. `activation` and `norm_epsilon` are
    the image tower's: not those that CLIP was trained with (QuickGELU, 1e-5), but the authors', whose
    published numbers come from this mismatch. `attn_pooling` leaves a ResNet's attention pool closed.

    - `pd_thresh` above 0 turns prompt denoising on (the authors' configurations: 0.5), `ks_thresh` key
      smoothing (1.0). `ks_axis` is the axis over which keys are normalised: "positions" is what the
      authors' program does, "channels" what the paper describes.
    - `tau` is the temperature of class weights, where they are used.
    - `scale` bounds a photograph: its long side by the larger number, its short side by the smaller one.
    - `mean` and `std` normalise RGB values in 0..1; they are ImageNet's, not CLIP's.
    """

    embed_dim: int
    image_resolution: int
    vision_layers: int | tuple[int, int, int, int]
    vision_width: int
    vision_patch_size: int | None
    vision_heads: int
    text: clip.TextConfig | None = None
    classes: int | None = None
    activation: str = "gelu"
    norm_epsilon: float = 1e-6
    attn_pooling: bool = False
    pd_thresh: float = 0.0
    ks_thresh: float = 0.0
    ks_axis: Literal["positions", "channels"] = POSITIONS
    tau: float = 1.0
    scale: tuple[int, int] = (2048, 512)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def is_resnet(self) -> bool:
        """Whether the image tower is a ResNet."""
        return self.vision_patch_size is None


def of_clip(config: clip.CLIPConfig, **options) -> MaskCLIPConfig:
    """The MaskCLIP that opens a CLIP of this size, with its text tower; `options` are further fields."""
    return MaskCLIPConfig(
        embed_dim=config.embed_dim,
        image_resolution=config.image_resolution,
        vision_layers=config.vision_layers,
        vision_width=config.vision_width,
        vision_patch_size=config.vision_patch_size,
        vision_heads=config.vision_heads,
        **{"text": config.text, **options},
    )


# dgymjol/MaskCLIP_SegFormer weighs classes with tau 0.25 for RN50, with 1 for ViT-B/16
_TAU = {"RN50": 0.25}
VARIANTS: dict[str, MaskCLIPConfig] = {
    name: of_clip(clip.VARIANTS[name], tau=_TAU.get(name, 1.0))
    for name in ("ViT-B/16", "ViT-B/32", "RN50", "RN101", "RN50x4", "RN50x16")
}
