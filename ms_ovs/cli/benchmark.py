"""`ms-ovs benchmark`: measure this machine beside other programs."""

from pathlib import Path
from typing import Annotated

import typer

CHECKOUT = Path(__file__).parents[2]  # the benchmarks are no part of an installed package

# what follows the command is for `python -m benchmarks`
FORWARDED = {"allow_extra_args": True, "ignore_unknown_options": True}


def benchmark(
    context: typer.Context,
    suites: Annotated[
        list[str] | None,
        typer.Argument(
            help="Which benchmarks; all when not given. Options: --quick, --threads, --json, --write."
        ),
    ] = None,
) -> None:
    """Measure ms_ovs beside its peers: `python -m benchmarks` of the checkout, with the same options."""
    import subprocess
    import sys

    from ms_ovs.errors import UserError

    if not (CHECKOUT / "benchmarks" / "__main__.py").is_file():
        raise UserError(
            f"there are no benchmarks beside {CHECKOUT}: they are in the repository, "
            "run this in a checkout of it"
        )
    command = [sys.executable, "-m", "benchmarks", *(suites or ()), *context.args]
    raise typer.Exit(subprocess.run(command, cwd=CHECKOUT).returncode)
