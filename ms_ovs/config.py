"""Typed settings from YAML files that build on one another; a slip is one line with the nearest known name.

A file may say `inherit: base.yaml`, or a list of files of which later ones win; the paths are relative to the
file. Mappings merge key by key, everything else replaces.
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from ms_ovs.errors import UserError, nearest
from ms_ovs.files import write_whole


class Settings(BaseModel):
    """What a config file may say. Fields left out keep the command's own defaults."""

    model_config = ConfigDict(extra="forbid", strict=True)


class PredictSettings(Settings):
    """Options of `ms-ovs predict`, as in its help."""

    labels: str | None = None
    checkpoint: str | None = None
    out: str | None = None
    templates: str | None = None
    option: list[str] | None = None
    class_weights: str | None = None
    device: str | None = None
    fallback: bool | None = None
    mode: str | None = None
    whole: bool | None = None
    long_side: int | str | None = None
    merges: str | None = None


Schema = TypeVar("Schema", bound=Settings)
Keys = tuple[str, ...]  # keys from the top to a value
_Layer = tuple[dict, dict[Keys, str]]  # values, and what said each of them


def load(
    path: str | Path,
    schema: type[Schema] | Callable[[dict[str, Any]], type[Schema]],
    overrides: Sequence[str] = (),
) -> Schema:
    """Read a YAML file of settings, with what it inherits, under `overrides` such as "groups.0.lr_factor=2".

    `schema` is a class or finds one for the merged mapping. Whole numbers do for floats and lists for tuples;
    else types are strict. Raises `UserError` for files, YAML, keys and values that will not do.
    """
    values, said = _resolved(path, overrides)
    try:
        schema = schema if isinstance(schema, type) else schema(values)
        # by way of JSON, since pydantic's strictness knows that JSON has lists but no tuples
        return schema.model_validate_json(json.dumps(values, default=str))
    except ValidationError as error:
        raise UserError(_first(error, values, schema, said)) from None
    except UserError as error:
        raise UserError(f"config {path}: {error}") from None


def resolve(path: str | Path, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """What `load` holds against the schema. Raises `UserError` for what cannot be read or merged."""
    return _resolved(path, overrides)[0]


def save(settings: Settings, path: str | Path) -> None:
    """Write all settings as YAML that `load` reads as equal ones. Raises `UserError` where it cannot be."""
    text = yaml.dump(settings.model_dump(mode="json"), Dumper=_Dumper, sort_keys=False, allow_unicode=True)
    try:
        write_whole(path, text)
    except OSError as error:
        raise UserError(f"config {path} cannot be written ({error.strerror}): name another place") from None


class _Loader(yaml.SafeLoader):
    """YAML 1.2's floats (PyYAML takes 1e-4 for a string), and no key twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = Counter(key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode))
        if twice := [key for key, count in keys.items() if count > 1]:
            raise yaml.MarkedYAMLError(problem=f"key {twice[0]!r} twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


class _Dumper(yaml.SafeDumper):
    """Quotes the strings that `_Loader` would take for floats."""


for _kind in (_Loader, _Dumper):
    _kind.add_implicit_resolver(
        "tag:yaml.org,2002:float",
        re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)[eE][-+]?[0-9]+$"),
        list("-+.0123456789"),
    )


def _parsed(text: str, what: str) -> Any:
    try:
        return yaml.load(text, _Loader)
    except yaml.YAMLError as error:
        raise UserError(f"{what} is not YAML ({' '.join(str(error).split())})") from None


def _resolved(path: str | Path, overrides: Sequence[str]) -> _Layer:
    values, said = _with_bases(Path(path), ())
    for override in overrides:
        name, equals, text = override.partition("=")
        keys = tuple(name.strip().split("."))
        if not equals or not all(keys):
            raise UserError(f"setting {override!r}: write key=value, such as optimizer.lr=1e-3")
        what = f"setting {override!r}"
        value = _parsed(text, what)
        values = _put(values, keys, value, what)
        said |= {keys + inner: what for inner in _paths(value)}
    return values, said


def _with_bases(path: Path, above: tuple[Path, ...]) -> _Layer:
    """A file under which its bases lie; `above` are the files that led here."""
    if any(path.resolve() == other.resolve() for other in above):
        circle = " → ".join(str(file) for file in (*above, path))
        raise UserError(f"config {path} inherits itself ({circle}): take one inherit line out")
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        what = f"config {path}, which {above[-1]} inherits," if above else f"config {path}"
        raise UserError(f"{what} cannot be read ({error}); give the path of a YAML file") from None
    own = _parsed(text, f"config {path}")
    if not isinstance(own, dict):
        raise UserError(f"config {path} holds no 'key: value' lines; see configs/ for examples")
    bases = own.pop("inherit", [])
    bases = [bases] if isinstance(bases, str) else bases
    if not isinstance(bases, list) or not all(isinstance(base, str) for base in bases):
        raise UserError(f"config {path}: inherit: give a file name or a list of them, not {_shown(bases)}")
    values: dict = {}
    said: dict[Keys, str] = {}
    for base in bases:
        layer, origins = _with_bases(path.parent / base, (*above, path))
        values, said = _merged(values, layer), said | origins
    return _merged(values, own), said | dict.fromkeys(_paths(own), f"config {path}")


def _merged(under: Any, over: Any) -> Any:
    """`over` on top of `under`; shares no container with either."""
    if isinstance(over, dict):
        under = under if isinstance(under, dict) else {}
        return {key: _merged(under.get(key), over.get(key, under.get(key))) for key in {**under, **over}}
    return [_merged(None, item) for item in over] if isinstance(over, list) else over


def _put(values: Any, keys: Keys, value: Any, what: str) -> Any:
    """`values` with `value` merged in at `keys`. Raises `UserError`, in which `what` names the override."""
    if not keys:
        return _merged(values, value)
    key, *rest = keys
    if isinstance(values, list):
        if not key.isdecimal() or int(key) >= len(values):
            raise UserError(f"{what}: {key!r} is no number in a list of {len(values)}; they count from 0")
        return [_put(v, rest, value, what) if n == int(key) else v for n, v in enumerate(values)]
    if values is not None and not isinstance(values, dict):
        raise UserError(f"{what}: there is no {key!r} in {_shown(values)}; give a key that holds others")
    values = values or {}
    name = next((known for known in values if str(known) == key), key)
    return {**values, name: _put(values.get(name), rest, value, what)}


def _paths(value: Any) -> Iterator[Keys]:
    """The keys that lead to `value` itself and to all that is in it."""
    yield ()
    for key, item in _items(value):
        yield from ((str(key), *keys) for keys in _paths(item))


def _first(error: ValidationError, values: Any, schema: type[Settings], said: dict[Keys, str]) -> str:
    """One line: an unknown key if there is one, else the first wrong value, the parts of a union as one."""
    found: dict[Keys, list[str]] = {}
    ends: dict[Keys, str] = {}
    for one in error.errors():
        keys, value, models = _follow(one["loc"], values, schema)
        if one["type"] == "extra_forbidden":
            known = [name for model in models for name in model.model_fields]
            if keys[-1] not in known:
                near = nearest(keys[-1], known)
                hint = f"did you mean {near[0]!r}? " if near else ""
                where = " of ".join(filter(None, [".".join(keys[:-1]), _origin(keys, said)]))
                return f"unknown key {keys[-1]!r} in {where}: {hint}known are {', '.join(known)}"
        text = " ".join(one["msg"].removeprefix("Value error, ").split())
        if one["type"] == "missing":
            keys, text = (*keys, str(one["loc"][-1])), "is missing: give a value"
        elif not (one["type"] == "value_error" and isinstance(value, dict)):  # the model's own, of many keys
            ends[keys] = f", not {_shown(value)}"
        found.setdefault(keys, []).append(text)
    keys, texts = next(iter(found.items()))
    texts = [texts[0], *(text.removeprefix("Input should be ") for text in texts[1:])]
    problem = " or ".join(dict.fromkeys(texts)) + ends.get(keys, "")
    return ": ".join(filter(None, [_origin(keys, said), ".".join(keys), problem]))


def _follow(loc: tuple, values: Any, schema: type[Settings]) -> tuple[Keys, Any, list[type[BaseModel]]]:
    """The keys of the file in pydantic's `loc`, the value there, and the models that may hold its last key.

    The rest of `loc` are names of a union's parts, by which the models are told apart.
    """
    keys: list[str] = []
    models = inside = [schema]
    for part in loc:
        inner = {str(key): item for key, item in _items(values)}
        if str(part) in inner:
            keys.append(str(part))
            values, models = inner[str(part)], inside
            fields = [model.model_fields[str(part)] for model in models if part in model.model_fields]
            inside = [model for field in fields for model in _models(field.annotation)] or models
        else:
            inside = [model for model in inside if part in _calls(model)] or inside
    return tuple(keys), values, models


def _models(kind: Any) -> list[type[BaseModel]]:
    """The models that a type speaks of: `list[A] | B` of A and B."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return [kind]
    return [model for part in get_args(kind) for model in _models(part)]


def _calls(model: type[BaseModel]) -> list[Any]:
    """What pydantic may call a model in a union: its name, or a word of a field that tells it from others."""
    return [model.__name__, *(word for f in model.model_fields.values() for word in get_args(f.annotation))]


def _origin(keys: Keys, said: dict[Keys, str]) -> str:
    """What said the value at `keys`, or of a missing one what is around it."""
    return next(said[keys[:n]] for n in range(len(keys), -1, -1) if keys[:n] in said)


def _items(value: Any) -> Iterable[tuple[Any, Any]]:
    """Keys and items of a mapping, numbers and items of a list, of others none."""
    return value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:80]} …"
