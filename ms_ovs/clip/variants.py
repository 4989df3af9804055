"""The sizes of CLIP (paper, tables 19 and 20), and how to read them off a checkpoint's shapes."""

from collections.abc import Mapping
from dataclasses import dataclass

from ms_ovs.errors import UserError


@dataclass(frozen=True, kw_only=True)
class TextConfig:
    """Size of a text tower. `embed_dim` is the width of the joint space of words and images."""

    embed_dim: int
    width: int
    heads: int
    layers: int = 12
    context_length: int = 77
    vocab_size: int = 49408
    activation: str = "quick_gelu"
    norm_epsilon: float = 1e-5


@dataclass(frozen=True, kw_only=True)
class CLIPConfig:
    """Size of a CLIP. `vision_layers` is a number of blocks (ViT) or four stage depths (ResNet).

    `vision_patch_size` is None for a ResNet. `activation` is "quick_gelu" (OpenAI) or "gelu"
    (exact; some files from the Hub). `mean` and `std` normalise RGB values in 0..1.
    """

    embed_dim: int
    image_resolution: int
    vision_layers: int | tuple[int, int, int, int]
    vision_width: int
    vision_patch_size: int | None
    text_width: int
    text_heads: int
    text_layers: int = 12
    context_length: int = 77
    vocab_size: int = 49408
    activation: str = "quick_gelu"
    norm_epsilon: float = 1e-5
    mean: tuple[float, float, float] = (0.48145466, 0.4578275, 0.40821073)
    std: tuple[float, float, float] = (0.26862954, 0.26130258, 0.27577711)

    @property
    def is_resnet(self) -> bool:
        """Whether the image tower is a ResNet."""
        return self.vision_patch_size is None

    @property
    def vision_heads(self) -> int:
        """Heads of the image tower: one for 64 channels of a ViT's width or a ResNet's output."""
        return self.vision_width * (32 if self.is_resnet else 1) // 64

    @property
    def text(self) -> TextConfig:
        """Size of the text tower."""
        return TextConfig(
            embed_dim=self.embed_dim,
            width=self.text_width,
            heads=self.text_heads,
            layers=self.text_layers,
            context_length=self.context_length,
            vocab_size=self.vocab_size,
            activation=self.activation,
            norm_epsilon=self.norm_epsilon,
        )


def _resnet(embed_dim, image_resolution, vision_layers, vision_width, text_width) -> CLIPConfig:
    return CLIPConfig(
        embed_dim=embed_dim,
        image_resolution=image_resolution,
        vision_layers=vision_layers,
        vision_width=vision_width,
        vision_patch_size=None,
        text_width=text_width,
        text_heads=text_width // 64,
    )


def _vit(embed_dim, image_resolution, patch_size, width, layers, text_width) -> CLIPConfig:
    return CLIPConfig(
        embed_dim=embed_dim,
        image_resolution=image_resolution,
        vision_layers=layers,
        vision_width=width,
        vision_patch_size=patch_size,
        text_width=text_width,
        text_heads=text_width // 64,
    )


VARIANTS: dict[str, CLIPConfig] = {
    "RN50": _resnet(1024, 224, (3, 4, 6, 3), 64, 512),
    "RN101": _resnet(512, 224, (3, 4, 23, 3), 64, 512),
    "RN50x4": _resnet(640, 288, (4, 6, 10, 6), 80, 640),
    "RN50x16": _resnet(768, 384, (6, 8, 18, 8), 96, 768),
    "RN50x64": _resnet(1024, 448, (3, 15, 36, 10), 128, 1024),
    "ViT-B/32": _vit(512, 224, 32, 768, 12, 512),
    "ViT-B/16": _vit(512, 224, 16, 768, 12, 512),
    "ViT-L/14": _vit(768, 224, 14, 1024, 24, 768),
    "ViT-L/14@336px": _vit(768, 336, 14, 1024, 24, 768),
}


def name_of(config: CLIPConfig) -> str:
    """The published name of a size, or "custom"."""
    return next((name for name, known in VARIANTS.items() if known == config), "custom")


def from_shapes(shapes: Mapping[str, tuple[int, ...]], prefix: str = "") -> CLIPConfig:
    """Read the size off the shapes of a state dict with OpenAI's names.

    Raises `UserError` when the names are not those of a CLIP.
    """

    def shape(name: str) -> tuple[int, ...]:
        try:
            return shapes[prefix + name]
        except KeyError:
            raise UserError(
                f"not a CLIP checkpoint: tensor {prefix + name!r} is missing; "
                "give the --system that the file belongs to"
            ) from None

    def depth(block: str) -> int:
        start = prefix + block + "."
        return len({name[len(start) :].split(".")[0] for name in shapes if name.startswith(start)})

    text_width = shape("ln_final.weight")[0]
    context_length = shape("positional_embedding")[0]
    common = dict(
        embed_dim=shape("text_projection")[1],
        text_width=text_width,
        text_heads=text_width // 64,
        text_layers=depth("transformer.resblocks"),
        context_length=context_length,
        vocab_size=shape("token_embedding.weight")[0],
    )
    if prefix + "visual.proj" in shapes:
        width, _, patch_size, _ = shape("visual.conv1.weight")
        grid = round((shape("visual.positional_embedding")[0] - 1) ** 0.5)
        return CLIPConfig(
            image_resolution=grid * patch_size,
            vision_layers=depth("visual.transformer.resblocks"),
            vision_width=width,
            vision_patch_size=patch_size,
            **common,
        )
    grid = round((shape("visual.attnpool.positional_embedding")[0] - 1) ** 0.5)
    return CLIPConfig(
        image_resolution=grid * 32,
        vision_layers=tuple(depth(f"visual.layer{stage}") for stage in (1, 2, 3, 4)),
        vision_width=shape("visual.layer1.0.conv1.weight")[0],
        vision_patch_size=None,
        **common,
    )
