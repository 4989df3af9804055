"""SegFormer against `transformers`: an image to its logits, and a training step."""

from benchmarks.rounds import alternate
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor
from benchmarks.suites.training import Case, Rivals, step_rows

SIZE = 512
GOAL = Goal("ratio", 1.0)
PEER = "transformers `SegformerForSemanticSegmentation`"


RIVALS = Rivals("training:segformer_step", "peer_segformer:step", f"{PEER}, `torch.optim.AdamW`")
SMALL = Case("B0", "mit_b0", rounds=3, calls=2, together=True)
LARGE = Case("B5", "mit_b5", rounds=1, calls=2, together=False)


def measure(setting: Setting) -> list[Row]:
    """Forward; step, peak memory and compilation; the large network only if it need not be quick."""
    with Side(setting, "ours:matmul") as product:
        return [
            row
            for case in setting.pick((SMALL, LARGE), (SMALL,))
            for row in (
                _forward(setting, product, case),
                *step_rows(setting, product, case, RIVALS, f"SegFormer-{case.name}", SIZE),
            )
        ]


def _forward(setting: Setting, product: Side, case: Case) -> Row:
    arguments = {"variant": case.variant, "size": SIZE}
    with (
        Side(setting, "ours:segformer", **arguments) as ours,
        Side(setting, "peer_segformer:forward", **arguments) as theirs,
    ):
        calls = setting.pick(3, 2)
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": ours.turn(calls=calls),
            "theirs": theirs.turn(calls=calls),
        }
        measured = alternate(turns, setting.pick(6, 2))
        return Row(
            what=f"SegFormer-{case.name}, {SIZE}×{SIZE}, {ours.facts['labels']} classes, to the logits",
            ours=measured.seconds("ours"),
            other_name=PEER,
            other=measured.seconds("theirs"),
            goal=GOAL,
            floor=floor.seconds(ours, product, measured),
            others=measured.others,
        )
