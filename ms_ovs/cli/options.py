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
Templates = Annotated[
    str | None,
    typer.Option(help="Prompt templates by name, or a file.", show_default="those of the system"),
]
Option = Annotated[
    list[str] | None,
    typer.Option(metavar="NAME=VALUE", help="A setting of the network, such as pd_thresh=0.5 for MaskCLIP."),
]
ClassWeights = Annotated[
    Path | None, typer.Option(help="A CLIP whose view of the whole photo weighs MaskCLIP's classes.")
]
Device = Annotated[str, typer.Option(help="CPU, GPU or Ascend.")]
Fallback = Annotated[bool, typer.Option("--fallback", help="Take the CPU if there is no such device.")]
Mode = Annotated[str, typer.Option(help="graph or pynative.")]
Workers = Annotated[
    int | None,
    typer.Option(help="Processes that read files; 0 reads in this one.", show_default="one a core"),
]
Root = Annotated[Path | None, typer.Option(help="Folder of a data set that is named.")]
Splits = Annotated[Path | None, typer.Option(help="HSNet's split files, for few-shot sets.")]
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


def workers(given: int | None) -> int:
    """Processes that read and write, one a core unless told otherwise."""
    from ms_ovs.data.pool import default_workers

    return default_workers() if given is None else given


def from_config(schema: "Callable[[], type[Settings]]") -> typer.models.OptionInfo:
    """The option `--config`: what its file says are the defaults of the command.

    `schema` imports the settings that the file may hold.
    """

    def read(context: typer.Context, path: Path | None) -> Path | None:
        if path:
            from ms_ovs.config import load

            said = load(path, schema()).model_dump(exclude_none=True)
            lists = {option.name for option in context.command.params if getattr(option, "multiple", False)}
            context.default_map = {
                name: value if name in lists else _as_typed(value) for name, value in said.items()
            }
        return path

    return typer.Option(callback=read, is_eager=True, help="YAML file of these options; flags win.")


def _as_typed(value):
    """A value as it would stand on the command line; switches stay what they are."""
    if isinstance(value, list):
        return ",".join(map(str, value))
    return str(value) if type(value) is int else value
