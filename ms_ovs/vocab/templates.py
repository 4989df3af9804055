"""Prompt templates: the sentences into which a label is put before it is encoded."""

import functools
import os
from importlib import resources
from pathlib import Path

from ms_ovs.errors import UserError, choose
from ms_ovs.vocab.files import read_lines

SLOT = "{}"
BARE = (SLOT,)  # the label itself, as LSeg reads it


@functools.cache
def builtin() -> tuple[str, ...]:
    """The names that `get` knows: "none" and the lists that ship with the package."""
    names = (entry.name for entry in resources.files(__package__).joinpath("prompts").iterdir())
    return ("none", *sorted(name.removesuffix(".txt") for name in names if name.endswith(".txt")))


def get(name: str | Path) -> tuple[str, ...]:
    """The templates called `name`, each with one `{}` for the label; "none" is the bare label.

    `name` may also be a UTF-8 file with one template a line. Raises `UserError` when it is neither, or
    when a line does not hold `{}` exactly once.
    """
    name = str(name)
    if name == "none":
        return BARE
    if name in builtin():
        text = resources.files(__package__).joinpath("prompts", f"{name}.txt").read_text("utf-8")
        return tuple(text.splitlines())
    if not (os.path.isfile(name) or name.endswith(".txt")):
        choose("prompt templates", name, builtin())
    templates = read_lines(Path(name), "template file")
    if not templates:
        raise UserError(f'template file {name!r} is empty: write one a line, as "a photo of a {{}}."')
    for number, template in enumerate(templates, 1):
        if template.count(SLOT) != 1:
            raise UserError(
                f"template file {name!r}, line {number}: {{}} stands {template.count(SLOT)} times, "
                f"not once: write {template!r} with one {{}}, where the label goes"
            )
    return tuple(templates)


def fill(template: str, label: str) -> str:
    """The prompt: `template` with `label` in its place."""
    return template.replace(SLOT, label)
