"""The sizes of the backbones that several systems build on, as tables of numbers."""

from dataclasses import dataclass

Four = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class MiTConfig:
    """A Mix Transformer (SegFormer, Xie et al. 2021, table 6): four stages, each with its own size.

    `reductions` are the ratios by which attention shrinks the grid of keys and values, `kernels` and
    `strides` those of the patch embeddings. `drop_path` is the rate of the last block; before, it grows
    from 0 in equal steps.
    """

    widths: Four
    depths: Four
    heads: Four = (1, 2, 5, 8)
    reductions: Four = (8, 4, 2, 1)
    kernels: Four = (7, 3, 3, 3)
    strides: Four = (4, 2, 2, 2)
    mlp_ratio: int = 4
    norm_epsilon: float = 1e-6
    drop_path: float = 0.1


_B0_WIDTHS = (32, 64, 160, 256)
_WIDTHS = (64, 128, 320, 512)

MIT: dict[str, MiTConfig] = {
    "mit_b0": MiTConfig(widths=_B0_WIDTHS, depths=(2, 2, 2, 2)),
    "mit_b1": MiTConfig(widths=_WIDTHS, depths=(2, 2, 2, 2)),
    "mit_b2": MiTConfig(widths=_WIDTHS, depths=(3, 4, 6, 3)),
    "mit_b3": MiTConfig(widths=_WIDTHS, depths=(3, 4, 18, 3)),
    "mit_b4": MiTConfig(widths=_WIDTHS, depths=(3, 8, 27, 3)),
    "mit_b5": MiTConfig(widths=_WIDTHS, depths=(3, 6, 40, 3)),
}


@dataclass(frozen=True, kw_only=True)
class ResNetConfig:
    """A ResNet of bottlenecks: `depths` of its stages, `width` of its stem's output.

    `deep_stem` (ResNetV1c) puts three 3×3 convolutions in the place of the 7×7 one. `dilations` are those of
    the 3×3 convolutions of a stage; where it is above 1, the first block has half of it.
    """

    depths: Four
    width: int = 64
    deep_stem: bool = True
    strides: Four = (1, 2, 1, 1)
    dilations: Four = (1, 1, 2, 4)


RESNET: dict[str, ResNetConfig] = {
    "resnet50_v1c": ResNetConfig(depths=(3, 4, 6, 3)),
    "resnet101_v1c": ResNetConfig(depths=(3, 4, 23, 3)),
    "resnet50": ResNetConfig(depths=(3, 4, 6, 3), deep_stem=False),
    "resnet101": ResNetConfig(depths=(3, 4, 23, 3), deep_stem=False),
}
