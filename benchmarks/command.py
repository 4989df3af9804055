"""A command line from start to end: its seconds and its peak memory."""

import os
import subprocess
import sys
from collections.abc import Sequence

from benchmarks.samples import Sample, Watch
from ms_ovs.errors import UserError


def run(command: Sequence[str]) -> Sample:
    """A command that must succeed, once.

    The memory is the system's count for that one process. It starts from what this process holds (the
    child shares its pages until it becomes the command), so this process must stay small.
    """
    watch = Watch()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    peak = usage.ru_maxrss if sys.platform == "darwin" else usage.ru_maxrss * 1024
    sample = watch.sample(own=usage.ru_utime + usage.ru_stime, peak_memory=peak)
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stderr.close()
    if process.returncode:
        last = (said.strip().splitlines() or ["it said nothing"])[-1]
        raise UserError(f"{' '.join(command)} ended with status {process.returncode}: {last}")
    return sample
