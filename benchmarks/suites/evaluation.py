"""A photograph by the test protocol of LSeg's authors: seconds and peak memory."""

from dataclasses import dataclass

from benchmarks import photos
from benchmarks.rounds import alternate
from benchmarks.rows import BYTES, Row
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor


@dataclass(frozen=True)
class Case:
    """A network, the protocol and the number of times it is used."""

    name: str
    variant: str
    protocol: str
    views: str
    rounds: int


SMALL = (
    Case("ViT-B/32", "clip_vitb32_384", "single", "1 scale", rounds=3),
    Case("ViT-B/32", "clip_vitb32_384", "lseg", "6 scales and mirrored", rounds=2),
)
LARGE = (Case("ViT-L/16", "clip_vitl16_384", "single", "1 scale", rounds=3),)


def measure(setting: Setting) -> list[Row]:
    """Each case in a process of its own, so that its peak memory is its own too."""
    cases = setting.pick((*SMALL, *LARGE), SMALL)
    with Side(setting, "ours:matmul") as product:
        return [row for case in cases for row in _rows(setting, product, case)]


def _rows(setting: Setting, product: Side, case: Case) -> list[Row]:
    with Side(setting, "evaluation:photograph", variant=case.variant, protocol=case.protocol) as ours:
        ours.sample("window")
        turns = {floor.PRODUCT: floor.turn(product), "ours": ours.turn(warm=0)}
        measured = alternate(turns, setting.pick(case.rounds, 1))
        what = (
            f"LSeg {case.name}, {photos.WIDTH}×{photos.HEIGHT}, {ours.facts['labels']} labels, {case.views} "
            f"({ours.facts['windows']} windows)"
        )
        return [
            Row(
                what=what,
                ours=measured.seconds("ours"),
                floor=floor.seconds(ours, product, measured),
                others=measured.others,
            ),
            Row(what=f"{what}: peak memory", ours=measured.peak_memory("ours"), unit=BYTES),
        ]
