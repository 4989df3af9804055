"""`ms-ovs parity`: hold this machine's numbers against the authors'."""

from pathlib import Path
from typing import Annotated

import typer


def parity(
    cases: Annotated[list[Path], typer.Argument(help="Folders of reference cases, or folders of such.")],
    mode: Annotated[str, typer.Option(help="graph or pynative")] = "graph",
    device: Annotated[str, typer.Option(help="CPU, GPU or Ascend")] = "CPU",
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the rows to this file.")] = None,
) -> None:
    """Run reference cases and compare every output with the authors' numbers.

    Leaves with status 1 when an output is not met.
    """
    import json

    from rich.console import Console

    from ms_ovs import runtime
    from ms_ovs.errors import UserError
    from ms_ovs.files import check_place, write_whole
    from ms_ovs.parity.adapters import ADAPTERS
    from ms_ovs.parity.case import find_cases
    from ms_ovs.parity.runner import check, run

    if json_file:
        check_place(json_file, "JSON file")
    runtime.setup(device, mode)
    console = Console()
    found = find_cases(cases)
    named = {path.resolve() for path in cases}
    if others := [case for case in found if case.kind not in ADAPTERS and case.folder.resolve() not in named]:
        kinds = ", ".join(f"{case.name} ({case.kind})" for case in others)
        console.print(f"not run, for want of an adapter: {kinds}", style="dim")
        found = [case for case in found if case not in others]
    for case in found:  # a fault in the last one is told before the first one runs
        check(case)
    results = []
    for case in found:
        with console.status(f"{case.name}: building weights, compiling, running …"):
            results.append(run(case))
        console.print(_table(results[-1]))
        if json_file:  # after every case, so that a later failure costs nothing
            rows = [_record(result, mode, device) for result in results]
            write_whole(json_file, json.dumps(rows, indent=1) + "\n")
    if not results:
        raise UserError("no cases to run: name the folder of a reference case of a known kind")
    failed = [result.case.name for result in results if not result.passed]
    if failed:
        console.print(f"[red]{len(failed)} of {len(results)} cases are not met: {', '.join(failed)}[/red]")
        raise typer.Exit(1)
    console.print(f"[green]all {len(results)} cases are met ({mode} mode, {device})[/green]")


def _table(result):
    from rich.table import Table

    table = Table(title=f"{result.case.name} ({result.seconds:.1f} s)", title_justify="left")
    table.add_column("output", no_wrap=True)
    table.add_column("error", justify="right")
    table.add_column("tolerance", justify="right")
    table.add_column("result")
    table.add_column("note")
    for row in result.rows:
        colour = {"met": "green", "NOT MET": "red"}.get(row.status, "dim")
        table.add_row(
            row.output,
            f"{row.error:.1e}",
            f"{row.tolerance:.0e}",
            f"[{colour}]{row.status}[/{colour}]",
            row.note,
        )
    return table


def _record(result, mode: str, device: str) -> dict:
    from dataclasses import asdict

    rows = [{**asdict(row), "error": row.error if row.error < float("inf") else None} for row in result.rows]
    return {
        "case": result.case.name,
        "kind": result.case.kind,
        "mode": mode,
        "device": device,
        "passed": result.passed,
        "seconds": round(result.seconds, 2),
        "rows": rows,
    }
