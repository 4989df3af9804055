"""How long a person waits for the help of the two commands."""

import sys
from functools import partial
from pathlib import Path

from benchmarks import command
from benchmarks.rounds import alternate
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from ms_ovs.errors import UserError

GOAL = Goal("ours", 0.5)
EMPTY = "`python -c ''`"


def measure(setting: Setting) -> list[Row]:
    """Both commands beside a Python that does nothing."""
    script = Path(sys.executable).with_name("ms-ovs")
    if not script.exists():
        raise UserError(f"{script} is not there: install the package with pip install -e .")
    commands = {
        "`ms-ovs --help`": [str(script), "--help"],
        "`python -m convert --help`": [sys.executable, "-m", "convert", "--help"],
        EMPTY: [sys.executable, "-c", ""],
    }
    turns = {name: partial(command.run, line) for name, line in commands.items()}
    alternate(turns, 1)  # does not count: files come from the disk
    measured = alternate(turns, setting.pick(15, 3))
    return [
        Row(
            what=name,
            ours=measured.seconds(name),
            other_name=EMPTY,
            other=measured.seconds(EMPTY),
            goal=GOAL,
            others=measured.others,
        )
        for name in commands
        if name != EMPTY
    ]
