"""The outside of a side's process."""

import contextlib
import json
import signal
import subprocess
import sys
import tempfile

from benchmarks.rounds import Turn
from benchmarks.samples import Sample, Watch
from benchmarks.setting import Setting
from ms_ovs.errors import UserError

PATIENCE = 60  # seconds for a process to end by itself
SETTLING = 6  # calls: MindSpore's first five of a graph are slower, of a SegFormer-B5 2.0 s instead of 1.5


class Side:
    """A fresh process with a probe (`benchmarks.worker`), as a context manager."""

    def __init__(self, setting: Setting, probe: str, **arguments):
        self.probe = probe
        self._log = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the side
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "benchmarks.worker", f"benchmarks.probes.{probe}"),
                *(json.dumps(arguments), str(setting.threads)),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        ready = self._reply()
        self.facts: dict = ready["facts"]
        self._core_seconds: float = ready["core_seconds"]

    def sample(self, action: str = "run", *, calls: int = 1, warm: int = 0) -> Sample:
        """`calls` calls of an action, after `warm` calls that do not count."""
        watch = Watch()
        request = {"action": action, "calls": calls, "warm": warm}
        with contextlib.suppress(BrokenPipeError):  # the reply will say what is wrong
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        reply = self._reply()
        before, self._core_seconds = self._core_seconds, reply["core_seconds"]
        return watch.sample(
            own=reply["core_seconds"] - before,
            seconds=reply["seconds"],
            peak_memory=reply["peak_memory"],
        )

    def turn(self, action: str = "run", *, calls: int = 1, warm: int = 1) -> Turn:
        """The same as something to be done when the turn comes; if warm, the first time settled."""
        first = iter([SETTLING] if warm else [])
        return lambda: self.sample(action, calls=calls, warm=next(first, warm))

    def _reply(self) -> dict:
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._log.seek(0)
            said = self._log.read().strip().splitlines() or ["it said nothing"]
            status = self._process.returncode
            cause = "killed, mostly for want of memory" if status == -signal.SIGKILL else said[-1]
            raise UserError(f"the process of {self.probe} ended with status {status}: {cause}")
        return json.loads(line)

    def __enter__(self) -> "Side":
        return self

    def __exit__(self, *exception) -> None:
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        try:
            self._process.wait(PATIENCE if exception == (None, None, None) else 0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._log.close()
