"""Typed settings from YAML files: an unknown key is an error that names the nearest known one."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ms_ovs.errors import UserError, choose


class Settings(BaseModel):
    """What a config file may say. Fields left out keep the command's own defaults."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PredictSettings(Settings):
    """Options of `ms-ovs predict`, as in its help."""

    labels: str | None = None
    checkpoint: str | None = None
    out: str | None = None
    templates: str | None = None
    device: str | None = None
    fallback: bool | None = None
    mode: str | None = None
    whole: bool | None = None
    long_side: int | str | None = None
    merges: str | None = None


Schema = TypeVar("Schema", bound=Settings)


def load(path: str | Path, schema: type[Schema]) -> Schema:
    """Read a YAML file of settings. Raises `UserError` for a missing file, bad YAML, key or value."""
    try:
        values = yaml.safe_load(Path(path).read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"config {path} cannot be read ({error}); give the path of a YAML file") from None
    except yaml.YAMLError as error:
        problem = " ".join(str(error).split())
        raise UserError(f"config {path} is not YAML ({problem})") from None
    if not isinstance(values, dict):
        raise UserError(f"config {path} holds no 'key: value' lines; see configs/ for examples")
    for key in values:
        choose(f"key in {path}", str(key), schema.model_fields)
    try:
        return schema.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(f"config {path}: {field}: {first['msg']}, not {first['input']!r}") from None
