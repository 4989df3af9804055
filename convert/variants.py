"""Which size of network a set of tensors belongs to, and the record of it in a file."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from convert import dense_shapes, dense_variants, maskclip_plus_shapes, maskclip_plus_size, maskclip_size
from convert import shapes as expected_shapes
from convert.options import BLOCK_OPTIONS, Options
from convert.tables import clip as clip_tables
from ms_ovs.backbones import variants as backbones
from ms_ovs.clip import variants as clip
from ms_ovs.errors import UserError, choose
from ms_ovs.models.lseg import variants as lseg
from ms_ovs.models.maskclip import variants as maskclip
from ms_ovs.models.maskclip_plus import variants as maskclip_plus
from ms_ovs.models.segformer import variants as segformer

Config = (
    clip.CLIPConfig
    | lseg.LSegConfig
    | maskclip.MaskCLIPConfig
    | maskclip_plus.MaskCLIPPlusConfig
    | segformer.SegFormerConfig
    | backbones.MiTConfig
    | backbones.ResNetConfig
)
Shapes = Mapping[str, tuple[int, ...]]
VARIANTS: dict[str, Mapping[str, Config]] = {
    "clip": clip.VARIANTS,
    "lseg": lseg.VARIANTS,
    "maskclip": maskclip.VARIANTS,
    "maskclip_plus": maskclip_plus.VARIANTS,
    "segformer": segformer.VARIANTS,
    "mit": backbones.MIT,
    "resnet": backbones.RESNET,
}
# Of each system the kind of its configurations, and what lists the tensors of one.
KINDS: dict[str, tuple[type, Callable[[Any], dict[str, tuple[int, ...]]]]] = {
    "clip": (clip.CLIPConfig, expected_shapes.clip),
    "lseg": (lseg.LSegConfig, expected_shapes.lseg),
    "maskclip": (maskclip.MaskCLIPConfig, expected_shapes.maskclip),
    "maskclip_plus": (maskclip_plus.MaskCLIPPlusConfig, maskclip_plus_shapes.maskclip_plus),
    "segformer": (segformer.SegFormerConfig, dense_shapes.segformer),
    "mit": (backbones.MiTConfig, dense_shapes.mit),
    "resnet": (backbones.ResNetConfig, dense_shapes.resnet),
}
CUSTOM = "custom"
_DENSE = {
    "maskclip_plus": maskclip_plus_size.candidates,
    "segformer": dense_variants.segformers,
    "mit": dense_variants.mits,
    "resnet": dense_variants.resnets,
}
# what a field with fields of its own is
_PARTS = {
    "image": lseg.ViTConfig,
    "text": clip.TextConfig,
    "backbone": backbones.MiTConfig,
    "teacher": maskclip.MaskCLIPConfig,
}


def expected(config: Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a network of this size has."""
    return KINDS[system_of(config)][1](config)


def system_of(config: Config) -> str:
    """The system that a configuration is one of."""
    return next(system for system, (kind, _) in KINDS.items() if isinstance(config, kind))


def settle(system: str, shapes: Shapes, variant: str | None, options: Options) -> tuple[str, Config]:
    """Name and configuration of the size that fits `shapes` (by our names) best, with the options put in.

    The fit need not be perfect: the caller lists what is wrong with it. Raises `UserError` when `variant`
    is named and another size fits perfectly, or when an option is missing.
    """
    candidates = _candidates(system, shapes, options)
    faults = {name: _faults(shapes, expected(config)) for name, config in candidates.items()}
    best = min(faults, key=faults.get)
    if variant is not None:
        choose(f"variant of {system}", variant, VARIANTS[system])
        if faults[variant] and not faults[best]:
            raise UserError(
                f"the tensors are those of variant {best!r}, not of {variant!r}: leave --variant out, or "
                "give the file that belongs to it"
            )
        best = variant
    config = candidates[best]
    if isinstance(config, clip.CLIPConfig):
        _check_heads(config, options)
    if isinstance(config, maskclip.MaskCLIPConfig):
        maskclip_size.check(config)
    if system in ("segformer", "mit"):
        dense_variants.check_heads(config.backbone if system == "segformer" else config)
    return best, config


def differences(variant: str, config: Config) -> Options:
    """The fields in which `config` is not its variant's (all fields of a "custom" one)."""
    fields = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    if variant == CUSTOM:
        return fields
    known = VARIANTS[system_of(config)][variant]
    return {name: value for name, value in fields.items() if value != getattr(known, name)}


def config_of(system: str, variant: str, options: Mapping[str, Any]) -> Config:
    """The configuration that a converted file records; the inverse of `differences`."""
    choose("system", system, VARIANTS)
    try:
        values = {name: _from_json(name, value) for name, value in options.items()}
        if variant == CUSTOM:
            return KINDS[system][0](**values)
        known = VARIANTS[system][choose(f"variant of {system}", variant, VARIANTS[system])]
        return dataclasses.replace(known, **values)
    except TypeError as error:
        raise UserError(f"these options do not fit {system} {variant} ({error}): convert it again") from error


def _from_json(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        kind = _PARTS.get(name, dict)
        if name == "backbone" and "widths" not in value:
            kind = backbones.ResNetConfig
        return kind(**{field: _from_json(field, part) for field, part in value.items()})
    return tuple(value) if isinstance(value, list) else value


def _candidates(system: str, shapes: Shapes, options: Options) -> dict[str, Config]:
    if system in _DENSE:
        return _DENSE[system](shapes, options)
    if system == "lseg":
        head = shapes.get("head.weight", ())
        fields = {"features": head[1] if len(head) == 4 else 256, **_block_options(shapes, options)}
        return {name: dataclasses.replace(config, **fields) for name, config in lseg.VARIANTS.items()}
    if system == "maskclip":
        found = maskclip_size.candidates(shapes)
        return {name: dataclasses.replace(config, **options) for name, config in found.items()}
    found = dict(clip.VARIANTS)
    try:
        config = clip.from_shapes(_openai_names(shapes))
    except (UserError, ValueError, IndexError):
        pass  # something essential is missing or misshapen: compare with the published sizes alone
    else:
        found.setdefault(clip.name_of(config), config)
    return {name: dataclasses.replace(config, **options) for name, config in found.items()}


def _openai_names(shapes: Shapes) -> dict[str, tuple[int, ...]]:
    table = clip_tables.VIT_TABLE if "image.projection" in shapes else clip_tables.RESNET_TABLE
    return {source: shape for name, shape in shapes.items() for source in table.sources_of(name)}


def _block_options(shapes: Shapes, options: Options) -> Options:
    """LSeg's options, complete where there is a regularisation block and without it where there is none."""
    if "head_block.conv.weight" not in shapes:
        return options
    if missing := [name for name in BLOCK_OPTIONS if name not in options]:
        raise UserError(
            f"the network has a regularisation block (scratch.head_block) and the file does not say its "
            f"{', '.join(missing)}: give --set arch_option=1 (bottleneck) or 2 (depthwise), "
            "--set block_depth=N and --set activation=lrelu, tanh or relu, as in its training"
        )
    if options["arch_option"] == 0:
        raise UserError("arch_option 0 has no regularisation block, but the file has one: give 1 or 2")
    return options


def _check_heads(config: clip.CLIPConfig, options: Options) -> None:
    if "text_heads" not in options and config.text_width % 64:
        raise UserError(
            f"a text tower of width {config.text_width} does not tell its heads: give --set text_heads=N"
        )
    if config.text_width % config.text_heads:
        raise UserError(f"text_heads {config.text_heads} does not divide the text width {config.text_width}")
    if config.vision_width * (32 if config.is_resnet else 1) % 64:
        raise UserError(
            f"an image tower of width {config.vision_width} cannot be converted: heads have 64 channels"
        )


def _faults(shapes: Shapes, wanted: Shapes) -> int:
    """How many names are only on one side or have another shape."""
    return sum(shapes.get(name) != wanted.get(name) for name in shapes.keys() | wanted.keys())
