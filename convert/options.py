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


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_scale(value: Any) -> bool:
    return (
        isinstance(value, list | tuple) and len(value) == 2 and all(type(n) is int and n > 0 for n in value)
    )


_EPSILON: Check = (lambda value: isinstance(value, float) and 0 < value < 1, "a number between 0 and 1")
_FOUR: Check = (
    lambda value: (
        len(value) == 4 and all(type(n) is int and n > 0 for n in value)
        if isinstance(value, list | tuple)
        else False
    ),
    "four whole numbers from 1 on, such as [1,2,5,8]",
)
_SCALE: Check = (_is_scale, "two whole numbers from 1 on, such as [2048, 512]")
_MIT = {"heads": _FOUR, "strides": _FOUR, "norm_epsilon": _EPSILON}

# system → option → (what is allowed, how to say it)
SETTABLE: dict[str, dict[str, Check]] = {
    "clip": {
        "activation": _one_of("quick_gelu", "gelu"),
        "norm_epsilon": _EPSILON,
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
    "mit": _MIT,
    "resnet": {},
    "segformer": {**_MIT, "scale": _SCALE},
    "maskclip": {
        "pd_thresh": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
        "ks_thresh": (lambda value: _is_number(value) and 0 <= value <= 1, "a number from 0 to 1"),
        "ks_axis": _one_of("positions", "channels"),
        "tau": (lambda value: _is_number(value) and value > 0, "a number above 0"),
        "scale": _SCALE,
        "attn_pooling": (lambda value: isinstance(value, bool), "true or false"),
        "vision_heads": _at_least(1),
        "activation": _one_of("gelu", "quick_gelu"),
        "norm_epsilon": (
            lambda value: isinstance(value, float) and 0 < value < 1,
            "a number between 0 and 1",
        ),
    },
}
_OF_MASKCLIP = SETTABLE["maskclip"]
SETTABLE["maskclip_plus"] = {
    **{name: _OF_MASKCLIP[name] for name in ("tau", "scale")},
    "norm_feat": (lambda value: isinstance(value, bool), "true or false"),
}
# What says how LSeg's regularisation block works; its tensors do not.
BLOCK_OPTIONS = ("arch_option", "block_depth", "activation")


def parse(settings: Sequence[str], flag: str = "--set") -> Options:
    """Options from words of the form name=value; `flag` is what a user wrote before each."""
    options = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals:
            raise UserError(f"{flag} {setting!r} is no name=value: write for instance {flag} arch_option=1")
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
    given = (options or {}).items()
    return {name: tuple(value) if isinstance(value, list) else value for name, value in given}


def recorded(source: Source, system: str) -> Options:
    """What the file, or the config.json beside it, says itself about the options of `system`."""
    if system == "lseg":
        hyper = source.hyper_parameters
        nested = hyper.get("kwargs")
        known = {**(nested if isinstance(nested, dict) else {}), **hyper}
        return {name: known[name] for name in BLOCK_OPTIONS if known.get(name) is not None}
    return _of_transformers(source.config) if system == "clip" and source.config else {}


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
