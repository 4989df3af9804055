"""LSeg: the first call, the steady state, and the words encoded again for every image."""

from benchmarks.rounds import alternate
from benchmarks.rows import BYTES, Goal, Row
from benchmarks.samples import Sample
from benchmarks.setting import Setting
from benchmarks.side import Side
from benchmarks.suites import floor

VARIANT, SIZE = "clip_vitl16_384", 480
GOAL = Goal("ratio", 0.5)


def measure(setting: Setting) -> list[Row]:
    """First calls in fresh processes; then ready embeddings and words each time, in turns.

    The turns are taken in one process (two such networks do not fit into every machine); the peak
    memory is that of the fresh ones, which never encode words.
    """
    peaks: list[int] = []

    def first_call() -> Sample:
        with _network(setting) as fresh:
            first = fresh.sample("ready")
            peaks.append(fresh.sample("ready").peak_memory)
        return first

    starts = alternate({"first": first_call}, setting.pick(3, 1))
    with Side(setting, "ours:matmul") as product, _network(setting) as network:
        network.sample("ready")
        network.sample("text_each_time")
        turns = {
            floor.PRODUCT: floor.turn(product),
            "ready": network.turn("ready", calls=setting.pick(3, 1)),
            "each time": network.turn("text_each_time", warm=0),
        }
        measured = alternate(turns, setting.pick(5, 1))
        what = f"LSeg ViT-L/16, {SIZE}×{SIZE}, {network.facts['labels']} labels"
        return [
            Row(
                what=f"{what}: first call (compile and run)",
                ours=starts.seconds("first"),
                others=starts.others,
            ),
            Row(
                what=f"{what}: steady state, words encoded before",
                ours=measured.seconds("ready"),
                other_name="ours, encoding the words at 77 positions in every call",
                other=measured.seconds("each time"),
                goal=GOAL,
                floor=floor.seconds(network, product, measured),
                others=measured.others,
            ),
            Row(what=f"{what}: peak memory of the steady state", ours=peaks, unit=BYTES),
        ]


def _network(setting: Setting) -> Side:
    return Side(setting, "ours:lseg", variant=VARIANT, size=SIZE)
