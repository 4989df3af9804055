"""A large vocabulary with prompt templates: made, and found in the cache."""

from benchmarks.rounds import alternate
from benchmarks.rows import Row
from benchmarks.samples import Sample
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor

WORDS = {"variant": "ViT-B/32", "labels": "ade20k_847", "templates": "vild_14"}
SAMPLE = 64  # prompts that the other side encodes; all of them would take it a quarter of an hour


def measure(setting: Setting) -> list[Row]:
    """From strings to pooled embeddings in a fresh process, and once more from the cache."""
    classes = setting.pick(None, 40)
    found: list[float] = []
    with (
        Side(setting, "ours:matmul") as product,
        Side(setting, "ours:vocabulary", **WORDS, count=classes) as ours,
        Side(setting, "peer:vocabulary", **WORDS, sample=SAMPLE) as theirs,
    ):

        def made() -> Sample:
            with Side(setting, "ours:vocabulary", **WORDS, count=classes) as fresh:
                sample = fresh.sample("made")
                found.extend(fresh.sample("found", calls=setting.pick(10, 3)).seconds)
            return sample

        turns = {floor.PRODUCT: floor.turn(product), "theirs": theirs.turn(), "made": made}
        measured = alternate(turns, setting.pick(2, 1))
        facts = ours.facts
        share = facts["prompts"] / SAMPLE
        what = (
            f"{facts['classes']} classes × {facts['templates']} templates "
            f"({facts['prompts']} different prompts), {WORDS['variant']}"
        )
        return [
            Row(
                what=f"{what}: made, compilation included",
                ours=measured.seconds("made"),
                other_name=f"transformers at 77 positions: the time of {SAMPLE} prompts × {share:.0f}",
                other=[taken * share for taken in measured.seconds("theirs")],
                floor=floor.seconds(ours, product, measured),
                others=measured.others,
            ),
            Row(what=f"{what}: found in the cache", ours=found),
        ]
