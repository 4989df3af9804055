"""SegFormer against `transformers`: an image to its logits, and a training step."""

from contextlib import ExitStack

from benchmarks.rounds import alternate
from benchmarks.rows import BYTES, Goal, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor
from benchmarks.suites.training import Case, living

SIZE = 512
GOAL = Goal("ratio", 1.0)
PEER = "transformers `SegformerForSemanticSegmentation`"


SMALL = Case("B0", "mit_b0", rounds=8, calls=3, together=True)
LARGE = Case("B5", "mit_b5", rounds=3, calls=2, together=False)


def measure(setting: Setting) -> list[Row]:
    """Forward, training step and its peak memory; the large network only if it need not be quick."""
    with Side(setting, "ours:matmul") as product:
        return [
            row
            for case in setting.pick((SMALL, LARGE), (SMALL,))
            for row in (_forward(setting, product, case), *_training(setting, product, case))
        ]


def _forward(setting: Setting, product: Side, case: Case) -> Row:
    arguments = {"variant": case.variant, "size": SIZE}
    with (
        Side(setting, "ours:segformer", **arguments) as ours,
        Side(setting, "peer_segformer:forward", **arguments) as theirs,
    ):
        calls = setting.pick(case.calls, 2)
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": ours.turn(calls=calls),
            "theirs": theirs.turn(calls=calls),
        }
        measured = alternate(turns, setting.pick(case.rounds, 2))
        return Row(
            what=f"SegFormer-{case.name}, {SIZE}×{SIZE}, {ours.facts['labels']} classes, to the logits",
            ours=measured.seconds("ours"),
            other_name=PEER,
            other=measured.seconds("theirs"),
            goal=GOAL,
            floor=floor.seconds(ours, product, measured),
            others=measured.others,
        )


def _training(setting: Setting, product: Side, case: Case) -> list[Row]:
    arguments = {"variant": case.variant, "size": SIZE, "batch": 1}
    started: list[Side] = []

    def ours() -> Side:
        side = Side(setting, "training:segformer_step", **arguments)
        started.append(side)
        side.sample("compile")
        return side

    def theirs() -> Side:
        return Side(setting, "peer_segformer:step", **arguments)

    with ExitStack() as stack:
        lives = stack if case.together else None
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": living(ours, setting.pick(2, 1), lives),
            "theirs": living(theirs, setting.pick(2, 1), lives),
        }
        measured = alternate(turns, setting.pick(3 if case.together else 1, 1))
    what = f"SegFormer-{case.name}, {SIZE}×{SIZE}, batch 1, {started[0].facts['labels']} classes"
    peer = f"{PEER}, `torch.optim.AdamW`"
    return [
        Row(
            what=f"{what}: training step",
            ours=measured.seconds("ours"),
            other_name=peer,
            other=measured.seconds("theirs"),
            goal=GOAL,
            floor=floor.seconds(started[0], product, measured),
            others=measured.others,
        ),
        Row(
            what=f"{what}: peak memory of training",
            ours=measured.peak_memory("ours"),
            other_name=peer,
            other=measured.peak_memory("theirs"),
            unit=BYTES,
        ),
    ]
