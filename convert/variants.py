"""Which size of network a set of tensors belongs to, and the record of it in a file."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from convert import shapes as expected_shapes
from convert.options import BLOCK_OPTIONS, Options
from convert.tables import clip as clip_tables
from ms_ovs.clip import variants as clip
from ms_ovs.errors import UserError, choose
from ms_ovs.models.lseg import variants as lseg

Config = clip.CLIPConfig | lseg.LSegConfig
Shapes = Mapping[str, tuple[int, ...]]
VARIANTS: dict[str, Mapping[str, Config]] = {"clip": clip.VARIANTS, "lseg": lseg.VARIANTS}
CUSTOM = "custom"


def expected(config: Config) -> dict[str, tuple[int, ...]]:
    """Name and shape of every tensor that a network of this size has."""
    make = expected_shapes.clip if isinstance(config, clip.CLIPConfig) else expected_shapes.lseg
    return make(config)


def system_of(config: Config) -> str:
    """The system that a configuration is one of."""
    return "clip" if isinstance(config, clip.CLIPConfig) else "lseg"


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
            return (clip.CLIPConfig if system == "clip" else lseg.LSegConfig)(**values)
        known = VARIANTS[system][choose(f"variant of {system}", variant, VARIANTS[system])]
        return dataclasses.replace(known, **values)
    except TypeError as error:
        raise UserError(f"these options do not fit {system} {variant} ({error}): convert it again") from error


def _from_json(name: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {"image": lseg.ViTConfig, "text": clip.TextConfig}.get(name, dict)(**value)
    return tuple(value) if isinstance(value, list) else value


def _candidates(system: str, shapes: Shapes, options: Options) -> dict[str, Config]:
    if system == "lseg":
        head = shapes.get("head.weight", ())
        fields = {"features": head[1] if len(head) == 4 else 256, **_block_options(shapes, options)}
        return {name: dataclasses.replace(config, **fields) for name, config in lseg.VARIANTS.items()}
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
