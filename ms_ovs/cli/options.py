"""Options that several commands have, and where their values come from when they are left out."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ms_ovs.config import Settings

QUICKSTART = Path("runs/quickstart/lseg/best.safetensors")

Checkpoint = Annotated[
    Path | None,
    typer.Option(
        help="A checkpoint made by python -m convert, or trained.", show_default=f"{QUICKSTART}, if there"
    ),
]
Templates = Annotated[str, typer.Option(help="Prompt templates by name, or a file.")]
Device = Annotated[str, typer.Option(help="CPU, GPU or Ascend.")]
Fallback = Annotated[bool, typer.Option("--fallback", help="Take the CPU if there is no such device.")]
Mode = Annotated[str, typer.Option(help="graph or pynative.")]
Merges = Annotated[Path | None, typer.Option(help="CLIP's vocabulary file, if not installed.")]


def checkpoint(given: Path | None) -> Path:
    """The checkpoint that was given, or the quickstart's. Raises `UserError` where that was not made yet."""
    path = given or QUICKSTART
    if path == QUICKSTART and not path.exists():
        from ms_ovs.errors import UserError

        raise UserError(
            f"there is no checkpoint at {path}: make it with bash scripts/quickstart.sh, "
            "or convert one with python -m convert and name it by --checkpoint"
        )
    return path


def from_config(schema: "Callable[[], type[Settings]]") -> typer.models.OptionInfo:
    """The option `--config`: what its file says are the defaults of the command.

    `schema` imports the settings that the file may hold.
    """

    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path:
            from ms_ovs.config import load

            said = load(path, schema()).model_dump(exclude_none=True)
            context.default_map = {name: _as_typed(value) for name, value in said.items()}
        return path

    return typer.Option(callback=read, is_eager=True, help="YAML file of these options; flags win.")


def _as_typed(value):
    """A value as it would stand on the command line; switches stay what they are."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value) if type(value) is int else value
