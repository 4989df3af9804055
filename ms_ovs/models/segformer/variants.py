"""The networks of SegFormer, as a table of numbers."""

from dataclasses import dataclass

from ms_ovs.backbones.variants import MIT, MiTConfig


@dataclass(frozen=True, kw_only=True)
class SegFormerConfig:
    """A SegFormer: a Mix Transformer, a head of `features` channels and a classifier of `classes`.

    - `scale` bounds a photograph: its long side by the larger number, its short side by the smaller one.
    - `mean` and `std` normalise RGB values in 0..1; they are ImageNet's.
    """

    backbone: MiTConfig
    features: int = 256
    classes: int = 150
    dropout: float = 0.1
    scale: tuple[int, int] = (2048, 512)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)


VARIANTS: dict[str, SegFormerConfig] = {name: SegFormerConfig(backbone=mit) for name, mit in MIT.items()}
