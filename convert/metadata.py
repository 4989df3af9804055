"""What a model file says of itself, written by the converter and by training, and read back."""

import dataclasses
import json
from collections.abc import Iterable, Mapping

from convert import variants
from convert.options import Options
from ms_ovs.clip.variants import CLIPConfig
from ms_ovs.errors import UserError

CONVERTER_VERSION = "1.0"
FORMAT = "ms_ovs"


def describe(
    variant: str,
    config: variants.Config,
    *,
    naming: str,
    source_prefix: str,
    source_sha256: str,
    dropped: Iterable[str],
) -> dict[str, str]:
    """The metadata of a file with the weights of a network of this size.

    `naming`, `source_prefix` and `dropped`, what the network never uses and the file does not carry, are for
    the way back to the reference's names.
    """
    # Of the CLIP towers, where there are any; what other parts use belongs to the variant.
    own = isinstance(config, CLIPConfig) or getattr(config, "text", config) is None
    clip = config if own else getattr(config, "text", None)
    towers = {"activation": clip.activation, "norm_epsilon": repr(clip.norm_epsilon)} if clip else {}
    return {
        "format": FORMAT,
        "system": variants.system_of(config),
        "variant": variant,
        "options": json.dumps(variants.differences(variant, config), default=dataclasses.asdict),
        "source_sha256": source_sha256,
        "source_prefix": source_prefix,
        "source_naming": naming,
        "converter_version": CONVERTER_VERSION,
        **towers,
        "dropped": json.dumps(list(dropped)),
    }


def described(metadata: Mapping[str, str]) -> tuple[str, str, Options]:
    """System, variant and options of a converted file. Raises `UserError` where its metadata lack them."""
    try:
        return metadata["system"], metadata["variant"], dict(json.loads(metadata["options"]))
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(error) from error


def origin(metadata: Mapping[str, str]) -> tuple[str, str, list[str]]:
    """Naming and prefix of the source, and the names that were dropped. Raises `UserError` as `described`."""
    try:
        return metadata["source_naming"], metadata["source_prefix"], list(json.loads(metadata["dropped"]))
    except (KeyError, ValueError, TypeError) as error:
        raise _damaged(error) from error


def _damaged(error: Exception) -> UserError:
    return UserError(f"the ms_ovs metadata is damaged ({error!r}): convert the source again")
