"""`ms-ovs benchmark`: a checkpoint on several data sets, or this machine beside other programs."""

from pathlib import Path
from typing import Annotated

import typer

from ms_ovs.cli import options

CHECKOUT = Path(__file__).parents[2]  # the benchmarks are no part of an installed package
SETS = "a847,pc459,a150,pc59,pas20"

# options that follow the command are for `python -m benchmarks`: they arrive among the suites
FORWARDED = {"ignore_unknown_options": True}


def benchmark(
    suites: Annotated[
        list[str] | None,
        typer.Argument(
            help="Of the machine: which benchmarks; all when not given. Options: --quick, --threads, --json, "
            "--write."
        ),
    ] = None,
    checkpoint: options.Checkpoint = None,
    sets: Annotated[
        str | None,
        typer.Option(help="Data sets, with commas between: these or any prepared one.", show_default=SETS),
    ] = None,
    root: Annotated[Path | None, typer.Option(help="Folder of the data sets.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for the scores.")] = None,
    protocol: Annotated[
        str | None,
        typer.Option(help="Views of an image: lseg (6 scales, flip) or single.", show_default="the system's"),
    ] = None,
    batch: Annotated[int, typer.Option(min=1, help="Windows that go through the network at a time.")] = 1,
    option: options.Option = None,
    class_weights: options.ClassWeights = None,
    strict: Annotated[bool, typer.Option("--strict", help="Stop at the first image that fails.")] = False,
    device: options.Device = "CPU",
    fallback: options.Fallback = False,
    mode: options.Mode = "graph",
    merges: options.Merges = None,
) -> None:
    """Score a checkpoint on several data sets, or measure this machine.

    With --checkpoint or --sets: the checkpoint's scores on those of the sets that are in --root, by the words
    and templates of its system, as a table in --out. Once interrupted, run it again: what was scored is kept.
    Started by msrun, the processes share the images.

    Without them: ms_ovs beside its peers, by `python -m benchmarks` of the checkout, with the same options.
    """
    from ms_ovs.errors import UserError

    if checkpoint is None and sets is None:
        if root or out:
            raise UserError("--root and --out are for scores on data sets: give --checkpoint or --sets, too")
        _measure(suites or [])
    if suites:
        raise UserError(f"{suites[0]!r} does not go with --checkpoint and --sets: leave it out")
    if root is None or out is None:
        raise UserError("scores on data sets need --root, where the sets are, and --out, for the tables")
    from rich.console import Console

    from convert.options import parse
    from ms_ovs.cli import benchmark_sets

    benchmark_sets.score(
        Console(stderr=True),
        checkpoint=options.checkpoint(checkpoint),
        sets=SETS if sets is None else sets,
        root=root,
        out=out,
        protocol=protocol,
        batch=batch,
        options=parse(option or [], "--option"),
        class_weights=class_weights,
        strict=strict,
        device=device,
        fallback=fallback,
        mode=mode,
        merges=merges,
    )


def _measure(suites: list[str]) -> None:
    """Hand over to the benchmarks of the checkout, and leave with their status."""
    import subprocess
    import sys

    from ms_ovs.errors import UserError

    if not (CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise UserError(
            f"there are no benchmarks beside {CHECKOUT}: they are in the repository, "
            "run this in a checkout of it"
        )
    command = [sys.executable, "-m", "benchmarks", *suites]
    raise typer.Exit(subprocess.run(command, cwd=CHECKOUT).returncode)
