"""Data-parallel training: two processes on a core each, against one process on one core."""

import tempfile
from pathlib import Path

from benchmarks.rounds import alternate
from benchmarks.rows import RATE, Goal, Row
from benchmarks.setting import Setting
from benchmarks.team import Team
from ms_ovs.data import shapes

PROBE = "training:tiny"
PROCESSES = 2
SCENES = 192
GOAL = Goal("ratio", 0.9, least=True)


def measure(setting: Setting) -> list[Row]:
    """The run of two processes beside two times one, and beside two that exchange nothing.

    The second row tells what the machine itself loses when all of its cores work.
    """
    with tempfile.TemporaryDirectory() as folder:
        root = str(shapes.write(Path(folder) / "shapes", train=SCENES, val=0, captions=0).root)
        with (
            Team(PROBE, 1, joined=False, root=root) as one,
            Team(PROBE, PROCESSES, joined=False, root=root) as apart,
            Team(PROBE, PROCESSES, joined=True, root=root) as joined,
        ):
            calls = setting.pick(5, 2)
            turns = {name: team.turn(calls=calls) for name, team in
                     {"one": one, "apart": apart, "joined": joined}.items()}  # fmt: skip
            measured = alternate(turns, setting.pick(3, 1))
            images = one.facts["images"] * PROCESSES

    def rates(name: str) -> list[float]:
        return [images / taken for taken in measured.seconds(name)]

    what = (
        f"tiny LSeg, training: {PROCESSES} processes of msrun, a core and {images // PROCESSES} images each"
    )
    return [
        Row(
            what=what,
            ours=rates("joined"),
            other_name=f"1 process on one core, × {PROCESSES}",
            other=rates("one"),
            unit=RATE,
            goal=GOAL,
            others=measured.others,
        ),
        Row(
            what=what,
            ours=rates("joined"),
            other_name=f"{PROCESSES} processes at the same time that exchange nothing",
            other=rates("apart"),
            unit=RATE,
        ),
    ]
