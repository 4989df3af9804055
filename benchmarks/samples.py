"""Times as they were taken, and how busy other processes kept the machine meanwhile."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

CORES = os.cpu_count() or 1


@dataclass(frozen=True)
class Sample:
    """The `seconds` of some calls, and the most bytes that their process has held in memory.

    `others` are the core seconds that other processes worked during the `elapsed` seconds of the whole
    sample; None where the system does not tell.
    """

    seconds: tuple[float, ...]
    peak_memory: int
    elapsed: float
    others: float | None


class Watch:
    """Starts when it is made; `sample` ends it."""

    def __init__(self):
        self.started, self.busy = time.perf_counter(), _busy()

    @property
    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.perf_counter() - self.started

    def sample(self, *, own: float, seconds: tuple[float, ...] = (), peak_memory: int = 0) -> Sample:
        """What was measured. `own` are the core seconds of our processes; no `seconds`: one call."""
        elapsed, busy = self.elapsed, _busy()
        others = None if busy is None or self.busy is None else max(busy - self.busy - own, 0.0)
        return Sample(tuple(seconds) or (elapsed,), peak_memory, elapsed, others)


def others_share(samples: list[Sample]) -> float | None:
    """The part of the machine, 0..1, that other processes took while the samples were made."""
    known = [sample for sample in samples if sample.others is not None]
    if not known:
        return None
    return sum(sample.others for sample in known) / (CORES * sum(sample.elapsed for sample in known))


def _busy() -> float | None:
    """Core seconds worked since the system started; what the hypervisor gave to other machines counts too."""
    try:
        fields = Path("/proc/stat").read_text().splitlines()[0].split()[1:9]
    except OSError:
        return None
    user, nice, system, _idle, _wait, interrupt, soft_interrupt, steal = map(int, fields)
    return (user + nice + system + interrupt + soft_interrupt + steal) / os.sysconf("SC_CLK_TCK")
