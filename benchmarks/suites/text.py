"""150 short labels against `transformers`, which encodes them at CLIP's 77 positions."""

from benchmarks.rounds import alternate
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor

VARIANT = "ViT-B/32"
GOAL = Goal("ratio", 0.2)


def measure(setting: Setting) -> list[Row]:
    """The labels beside the full context, and, to be fair, beside the context cut to the longest label."""
    with (
        Side(setting, "ours:matmul") as product,
        Side(setting, "ours:text_tower", variant=VARIANT) as ours,
        Side(setting, "peer:text_tower", variant=VARIANT) as theirs,
    ):
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": ours.turn(calls=setting.pick(3, 2)),
            "full": theirs.turn("full", warm=0),
            "trimmed": theirs.turn("trimmed", calls=setting.pick(3, 2)),
        }
        measured = alternate(turns, setting.pick(6, 2))
        what = f"{ours.facts['labels']} short labels, {VARIANT} text tower, no cache"
        least = floor.seconds(ours, product, measured)
        return [
            Row(
                what=what,
                ours=measured.seconds("ours"),
                other_name="transformers `get_text_features`, 77 positions",
                other=measured.seconds("full"),
                goal=GOAL,
                floor=least,
                others=measured.others,
            ),
            Row(
                what=what,
                ours=measured.seconds("ours"),
                other_name=f"the same, trimmed to the longest ({theirs.facts['longest']} positions)",
                other=measured.seconds("trimmed"),
                floor=least,
                others=measured.others,
            ),
        ]
