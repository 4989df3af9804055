"""`ms-ovs train`: train what a config describes."""

from pathlib import Path
from typing import Annotated

import typer


def train(
    config: Annotated[Path, typer.Argument(help="YAML file, as those in configs/.")],
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="A value over that of the config: optimizer.lr=0.01. May be repeated."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint in out.")] = False,
    fallback: Annotated[
        bool, typer.Option("--fallback", help="Take the CPU if there is no such device.")
    ] = False,
) -> None:
    """Train; writes checkpoints, best.safetensors, last.safetensors, logs and the resolved config into `out`.

    Started by msrun it is one of several processes with equal weights. Told to end (SIGTERM, Ctrl-C) it saves
    first, and leaves with status 130.
    """
    from rich.console import Console

    from ms_ovs import runtime
    from ms_ovs.command import INTERRUPTED
    from ms_ovs.config import load

    console = Console(stderr=True)
    with console.status("starting MindSpore …"):
        from ms_ovs.distributed import join
        from ms_ovs.training.loop import train as run
        from ms_ovs.training.tasks import schema_of

    settings = load(config, schema_of, overrides or ())
    runtime.setup(settings.device, settings.mode, fallback=fallback)
    world = join()
    outcome = run(settings, world, resume=resume)
    if not world.main:
        return
    if not outcome.finished:
        print(
            f"ms-ovs: told to end after step {outcome.step}, which is saved: go on with --resume",
            file=console.file,
        )
        raise typer.Exit(INTERRUPTED)
    print(f"{outcome.step} steps, results in {outcome.folder}")
    if outcome.scores:
        Console().print(_table(outcome.scores))


def _table(scores):
    from rich.table import Table

    table = Table()
    table.add_column("score of the last validation")
    table.add_column("%", justify="right")
    for name, score in scores.items():
        table.add_row(name, f"{100 * score:.2f}")
    return table
