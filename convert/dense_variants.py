"""Which SegFormer or backbone a set of tensors belongs to, read off the shapes by our names."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from ms_ovs.backbones import variants as backbones
from ms_ovs.backbones.variants import MiTConfig, ResNetConfig
from ms_ovs.errors import UserError
from ms_ovs.models.segformer import variants as segformer
from ms_ovs.models.segformer.variants import SegFormerConfig

Shapes = Mapping[str, tuple[int, ...]]
Options = Mapping[str, Any]
LEVELS = (1, 2, 3, 4)
OF_BACKBONE = ("heads", "strides", "norm_epsilon")


def mits(shapes: Shapes, options: Options) -> dict[str, MiTConfig]:
    """The Mix Transformers that the tensors may belong to, the one with their sizes among them."""
    found = dict(backbones.MIT)
    if (config := _mit(shapes, "", options)) is not None:
        found.setdefault(_name(config, found), config)
    return {name: dataclasses.replace(config, **options) for name, config in found.items()}


def segformers(shapes: Shapes, options: Options) -> dict[str, SegFormerConfig]:
    """The same for SegFormer; features and classes are those of the tensors."""
    found = dict(segformer.VARIANTS)
    config = _mit(shapes, "backbone.", options)
    if config is not None and config not in backbones.MIT.values():
        found["custom"] = SegFormerConfig(backbone=config)
    sizes = {
        name: shapes[place][0]
        for name, place in (("features", "head.fusion.weight"), ("classes", "classifier.weight"))
        if shapes.get(place)
    }
    inner = {name: value for name, value in options.items() if name in OF_BACKBONE}
    outer = {name: value for name, value in options.items() if name not in OF_BACKBONE}
    return {
        name: dataclasses.replace(
            config, backbone=dataclasses.replace(config.backbone, **inner), **sizes, **outer
        )
        for name, config in found.items()
    }


def resnets(shapes: Shapes, options: Options) -> dict[str, ResNetConfig]:
    """The same for ResNets of bottlenecks."""
    found = dict(backbones.RESNET)
    try:
        config = ResNetConfig(
            depths=tuple(_depth(shapes, f"layer{level}.") for level in LEVELS),
            width=shapes["layer1.0.conv1.weight"][0],
            deep_stem="stem.conv2.weight" in shapes,
        )
    except (KeyError, IndexError):
        return found  # compare with the published sizes alone
    found.setdefault(_name(config, found), config)
    return found


def check_heads(config: MiTConfig) -> None:
    """Raise `UserError` where the heads do not divide the widths."""
    for width, heads in zip(config.widths, config.heads, strict=True):
        if heads < 1 or width % heads:
            raise UserError(
                f"{heads} heads do not divide the width {width}: shapes do not tell the heads of a Mix "
                "Transformer, give them as --set heads=[1,2,5,8]"
            )


def _mit(shapes: Shapes, prefix: str, options: Options) -> MiTConfig | None:
    """The size that the shapes tell, or None where something essential is missing or misshapen."""
    stages = [f"{prefix}stage{level}." for level in LEVELS]
    try:
        embeddings = [shapes[f"{stage}embedding.conv.weight"] for stage in stages]
        widths = tuple(shape[0] for shape in embeddings)
        none = (1, 1, 1)
        return MiTConfig(
            widths=widths,
            depths=tuple(_depth(shapes, f"{stage}blocks.") for stage in stages),
            # as in all published ones: as many channels a head in every stage, one head in the first
            heads=tuple(options.get("heads", (max(1, width // widths[0]) for width in widths))),
            reductions=tuple(shapes.get(f"{stage}blocks.0.attn.reduce.weight", none)[-1] for stage in stages),
            kernels=tuple(shape[2] for shape in embeddings),
            mlp_ratio=shapes[f"{stages[0]}blocks.0.ffn.fc1.weight"][0] // widths[0],
        )
    except (KeyError, IndexError, ZeroDivisionError):
        return None


def _depth(shapes: Shapes, start: str) -> int:
    return len({name[len(start) :].split(".")[0] for name in shapes if name.startswith(start)})


def _name(config: Any, known: Mapping[str, Any]) -> str:
    return next((name for name, other in known.items() if other == config), "custom")
