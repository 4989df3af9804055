"""What the shapes of a checkpoint do not tell: checked values, and where a file says them itself."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from convert.readers import Source
from ms_ovs.errors import UserError, choose

Options = dict[str, Any]
Check = tuple[Callable[[Any], bool], str]


def _one_of(*values: Any) -> Check:
    return lambda value: value in values and not isinstance(value, bool), " or ".join(map(str, values))


def _at_least(least: int) -> Check:
    return lambda value: type(value) is int and value >= least, f"a whole number from {least} on"


# system → option → (what is allowed, how to say it)
SETTABLE: dict[str, dict[str, Check]] = {
    "clip": {
        "activation": _one_of("quick_gelu", "gelu"),
        "norm_epsilon": (
            lambda value: isinstance(value, float) and 0 < value < 1,
            "a number between 0 and 1",
        ),
        "text_heads": _at_least(1),
    },
    "lseg": {
        "arch_option": _one_of(0, 1, 2),
        "block_depth": _at_least(0),
        "activation": _one_of("lrelu", "tanh", "relu"),
        "features": _at_least(1),
        "base_size": _at_least(32),
        "crop_size": _at_least(32),
    },
}
# What says how LSeg's regularisation block works; its tensors do not.
BLOCK_OPTIONS = ("arch_option", "block_depth", "activation")


def parse(settings: Sequence[str]) -> Options:
    """Options from words of the form name=value."""
    options = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"--set {setting!r} is no name=value: write for instance --set arch_option=1")
        try:
            options[name] = json.loads(text)
        except ValueError:
            options[name] = text
    return options


def checked(system: str, options: Mapping[str, Any] | None) -> Options:
    """The options, if all are known to the system and have allowed values."""
    for name, value in (options or {}).items():
        allowed, rule = SETTABLE[system][choose(f"option of {system}", name, SETTABLE[system])]
        if not allowed(value):
            raise UserError(f"option {name} is {value!r}; it must be {rule}")
    return dict(options or {})


def recorded(source: Source, system: str) -> Options:
    """What the file, or the config.json beside it, says itself about the options of `system`."""
    if system == "lseg":
        hyper = source.hyper_parameters
        nested = hyper.get("kwargs")
        known = {**(nested if isinstance(nested, dict) else {}), **hyper}
        return {name: known[name] for name in BLOCK_OPTIONS if known.get(name) is not None}
    return _of_transformers(source.config) if source.config else {}


def _of_transformers(config: Mapping[str, Any]) -> Options:
    """Options from a CLIP's config.json; what it leaves out has transformers' default."""
    text, image = ({**config.get(part, {})} for part in ("text_config", "vision_config"))
    options = {}
    for ours, theirs, default in (
        ("activation", "hidden_act", "quick_gelu"),
        ("norm_epsilon", "layer_norm_eps", 1e-5),
    ):
        options[ours] = text.get(theirs, default)
        if (other := image.get(theirs, default)) != options[ours]:
            raise UserError(
                f"config.json has {theirs} {options[ours]!r} for words and {other!r} for images; only models "
                "with one for both can be converted"
            )
    width, heads = image.get("hidden_size", 768), image.get("num_attention_heads", 12)
    if heads * 64 != width:
        raise UserError(
            f"config.json has {heads} image heads for a width of {width}; only models with one head for 64 "
            "channels can be converted"
        )
    options["text_heads"] = text.get("num_attention_heads", 8)
    return options
