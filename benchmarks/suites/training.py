"""A training step of LSeg against PyTorch's of a network of the same size, and its compilation."""

from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

from benchmarks.rounds import Turn, alternate
from benchmarks.rows import BYTES, Goal, Row
from benchmarks.samples import Sample
from benchmarks.setting import Setting
from benchmarks.side import SETTLING, Side
from benchmarks.suites import floor

GOAL = Goal("ratio", 1.0)


@dataclass(frozen=True)
class Case:
    """A network and how often it is used; `together`: both sides of its training fit into memory at once."""

    name: str
    variant: str
    rounds: int
    calls: int
    together: bool


@dataclass(frozen=True)
class Rivals:
    """The probes of both sides, and what the other is called in the table."""

    ours: str
    theirs: str
    peer: str


RIVALS = Rivals("training:step", "peer_dpt:step", "transformers' DPT, `torch.optim.SGD`")
SMALL = Case("ViT-B/32", "clip_vitb32_384", rounds=3, calls=2, together=True)
LARGE = Case("ViT-L/16", "clip_vitl16_384", rounds=1, calls=2, together=False)


def crop(setting: Setting) -> int:
    """The side of the images, pixels: the authors', unless it has to be quick."""
    return setting.pick(480, 224)


def measure(setting: Setting) -> list[Row]:
    """Step, peak memory and compilation of each network; the large one only if it need not be quick."""
    size = crop(setting)
    with Side(setting, "ours:matmul") as product:
        return [
            row
            for case in setting.pick((SMALL, LARGE), (SMALL,))
            for row in step_rows(setting, product, case, RIVALS, f"LSeg {case.name}", size)
        ]


def step_rows(
    setting: Setting, product: Side, case: Case, rivals: Rivals, network: str, size: int
) -> list[Row]:
    """Step, peak memory and compilation of a `network` on one image of `size` pixels a side."""
    arguments = {"variant": case.variant, "size": size, "batch": 1}
    compiled: list[float] = []
    started: list[Side] = []

    def ours() -> Side:
        side = Side(setting, rivals.ours, **arguments)
        started.append(side)
        compiled.extend(side.sample("compile").seconds)
        return side

    def theirs() -> Side:
        return Side(setting, rivals.theirs, **arguments)

    calls = setting.pick(case.calls, 1)
    with ExitStack() as stack:
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": living(ours, calls, stack if case.together else None),
            "theirs": living(theirs, calls, stack if case.together else None),
        }
        measured = alternate(turns, setting.pick(case.rounds, 1))
    what = f"{network}, {size}×{size}, batch 1, {started[0].facts['labels']} labels"
    return [
        Row(
            what=f"{what}: training step",
            ours=measured.seconds("ours"),
            other_name=rivals.peer,
            other=measured.seconds("theirs"),
            goal=GOAL,
            floor=floor.seconds(started[0], product, measured),
            others=measured.others,
        ),
        Row(
            what=f"{what}: peak memory of training",
            ours=measured.peak_memory("ours"),
            other_name=rivals.peer,
            other=measured.peak_memory("theirs"),
            unit=BYTES,
        ),
        Row(what=f"{what}: compiling the step", ours=compiled),
    ]


def living(start: Callable[[], Side], calls: int, stack: ExitStack | None) -> Turn:
    """Settled steps: of a process that lives in `stack`, or of a new one each turn."""
    if stack is not None:
        return stack.enter_context(start()).turn(calls=calls)

    def fresh() -> Sample:
        with start() as side:
            return side.sample(calls=calls, warm=SETTLING)

    return fresh
