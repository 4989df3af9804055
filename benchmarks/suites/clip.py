"""CLIP's image towers against `transformers`."""

from benchmarks.rounds import alternate
from benchmarks.rows import Goal, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor

CASES = (("ViT-B/32", 1), ("ViT-B/16", 1), ("ViT-B/16", 8), ("ViT-L/14", 1))
GOAL = Goal("ratio", 1.0)


def measure(setting: Setting) -> list[Row]:
    """One row a network and batch size."""
    with Side(setting, "ours:matmul") as product:
        return [_row(setting, product, variant, batch) for variant, batch in CASES]


def _row(setting: Setting, product: Side, variant: str, batch: int) -> Row:
    calls = setting.pick(3, 2)
    with (
        Side(setting, "ours:image_tower", variant=variant, batch=batch) as ours,
        Side(setting, "peer:image_tower", variant=variant, batch=batch) as theirs,
    ):
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ours": ours.turn(calls=calls),
            "theirs": theirs.turn(calls=calls),
        }
        measured = alternate(turns, setting.pick(8, 2))
        images = "1 image" if batch == 1 else f"{batch} images"
        return Row(
            what=f"CLIP {variant}, {images}",
            ours=measured.seconds("ours"),
            other_name="transformers `get_image_features`",
            other=measured.seconds("theirs"),
            goal=GOAL,
            floor=floor.seconds(ours, product, measured),
            others=measured.others,
        )
