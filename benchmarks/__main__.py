"""`python -m benchmarks`: measure, print the tables, and write them where they belong."""

import importlib.util
import json
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Annotated

import typer

from benchmarks import document
from benchmarks.machine import Machine
from benchmarks.rounds import QUIET
from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.suites import SUITES
from ms_ovs import command
from ms_ovs.errors import UserError, choose
from ms_ovs.files import write_whole

PAGE = Path(__file__).parents[1] / "docs/performance.md"
PEERS = ("torch", "transformers")

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)


@app.command()
def benchmarks(
    names: Annotated[
        list[str] | None, typer.Argument(help=f"Which of {', '.join(SUITES)}; all when not given.")
    ] = None,
    quick: Annotated[
        bool, typer.Option("--quick", help="Few repetitions: see that everything runs.")
    ] = False,
    threads: Annotated[int, typer.Option(min=1, help="Cores of each side.")] = 2,
    write: Annotated[bool, typer.Option("--write", help="Put the tables into docs/performance.md.")] = False,
    json_: Annotated[Path | None, typer.Option("--json", help="Write every sample to this file.")] = None,
) -> None:
    """Measure ms_ovs beside its peers, each in a process of its own, taking turns."""
    chosen = [choose("benchmark", name, SUITES) for name in dict.fromkeys(names or SUITES)]
    if absent := [name for name in PEERS if importlib.util.find_spec(name) is None]:
        raise UserError(f"the other side needs {' and '.join(absent)}: install the tests' requirements")
    machine, setting = Machine.here(), Setting(threads=threads, quick=quick)
    found = {}
    for name in chosen:
        print(f"measuring {name} …", file=sys.stderr)
        rows = SUITES[name](setting)
        content = f"{document.table(rows)}\n\n{_footnote(name, machine, setting, rows)}"
        print(f"\n{content}\n")
        found[name] = [row.as_json() for row in rows]
        if write:
            page = document.replaced(PAGE.read_text("utf-8"), name, content)
            write_whole(PAGE, page)
        if json_:
            write_whole(json_, _json(machine, setting, found))


def _footnote(name: str, machine: Machine, setting: Setting, rows: Sequence[Row]) -> str:
    depth = "Quick run, few repetitions" if setting.quick else "Medians"
    shares = [row.others for row in rows if row.others is not None]
    busy = ""
    if shares:
        busy = f" Other processes took up to {max(shares):.0%} of the machine meanwhile"
        busy += "." if max(shares) <= QUIET else ": **too much to trust these numbers.**"
    return (
        f"{depth}; `python -m benchmarks {name}`, {setting.threads} threads a side, {date.today()}, "
        f"{machine}.{busy}"
    )


def _json(machine: Machine, setting: Setting, found: dict[str, list[dict]]) -> str:
    content = {"machine": vars(machine), "setting": vars(setting), "suites": found}
    return json.dumps(content, indent=1) + "\n"


def main() -> None:
    """Run the command line; exit 2 with one line on stderr where the user's input is at fault."""
    command.run(app, "python -m benchmarks")


if __name__ == "__main__":
    main()
