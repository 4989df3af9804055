"""A training step of MaskCLIP+: what the teacher's labels cost beside the student's own step."""

from benchmarks.rounds import alternate
from benchmarks.rows import RATE, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor

TEACHER, STUDENT = "ViT-B/16", "SegFormer-B0"
VARIANT, BATCH = "vit_b16_segformer_b0", 2


def measure(setting: Setting) -> list[Row]:
    """Seconds a step with its floor, and images a second; beside both the student's step alone."""
    size = setting.pick(512, 128)
    with (
        Side(setting, "ours:matmul") as product,
        Side(setting, "training:maskclip_plus_step", variant=VARIANT, size=size, batch=BATCH) as step,
    ):
        step.sample("compile")
        calls = setting.pick(3, 1)
        turns = {
            floor.PRODUCT: floor.turn(product),
            "both": step.turn(calls=calls),
            "student": step.turn("student", calls=calls),
        }
        measured = alternate(turns, setting.pick(3, 1))
        lowest = floor.seconds(step, product, measured)
    what = (
        f"MaskCLIP+ {TEACHER} → {STUDENT}, {size}×{size}, batch {BATCH}, {step.facts['labels']} classes: "
        "the teacher labels, the student learns"
    )
    alone = "the student alone, on labels made before"
    both, student = measured.seconds("both"), measured.seconds("student")
    return [
        Row(what=what, ours=both, other_name=alone, other=student, floor=lowest, others=measured.others),
        Row(
            what=what,
            ours=[BATCH / taken for taken in both],
            other_name=alone,
            other=[BATCH / taken for taken in student],
            unit=RATE,
        ),
    ]
