"""The outside of several processes that work at the same time, each on a core of its own."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.rounds import Turn
from benchmarks.samples import Sample, Watch
from benchmarks.side import PATIENCE
from ms_ovs.errors import UserError

START_SECONDS = 120  # for the processes to be there
CHATTER = ("[INFO]", "[WARNING]")  # how lines of MindSpore begin that tell of no fault


class Team:
    """`count` processes with the same probe, as a context manager; an action is done by all at once.

    With `joined` msrun starts them as a data-parallel run, else they know nothing of each other. Raises
    `UserError` where there are fewer cores than processes.
    """

    def __init__(self, probe: str, count: int, *, joined: bool, **arguments):
        cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_setaffinity") else 0
        if cores < count:
            raise UserError(f"{count} processes on a core each: this system offers {cores} to choose from")
        self.probe = probe
        self._folder = tempfile.TemporaryDirectory()
        self._started: list[subprocess.Popen] = []
        self._orders: list = []
        listener = socket.socket(socket.AF_UNIX)
        with contextlib.ExitStack() as undo, listener:
            undo.callback(self._close, patience=0)
            path = f"{self._folder.name}/orders"
            listener.bind(path)
            listener.listen()
            line = ["-m", "benchmarks.rank", path, f"benchmarks.probes.{probe}", json.dumps(arguments)]
            if joined:
                self._start(0, *_msrun(count, self._folder.name), "python", *line)
            else:
                for number in range(count):
                    self._start(number, sys.executable, *line)
            for core in range(count):
                self._welcome(listener, core)
            ready = [self._reply(orders) for orders in self._orders]
            undo.pop_all()
        self.facts: dict = ready[0]["facts"]
        self._core_seconds: float = sum(reply["core_seconds"] for reply in ready)

    def sample(self, action: str = "run", *, calls: int = 1, warm: int = 0) -> Sample:
        """`calls` calls in every process: the time of each is that of the slowest, the memory that of all."""
        watch = Watch()
        for orders in self._orders:
            with contextlib.suppress(OSError):  # the reply will say what is wrong
                print(json.dumps({"action": action, "calls": calls, "warm": warm}), file=orders, flush=True)
        replies = [self._reply(orders) for orders in self._orders]
        before, self._core_seconds = self._core_seconds, sum(reply["core_seconds"] for reply in replies)
        return watch.sample(
            own=self._core_seconds - before,
            seconds=tuple(map(max, zip(*(reply["seconds"] for reply in replies), strict=True))),
            peak_memory=sum(reply["peak_memory"] for reply in replies),
        )

    def turn(self, action: str = "run", *, calls: int = 1, warm: int = 1) -> Turn:
        """The same as something to be done when the turn comes."""
        return partial(self.sample, action, calls=calls, warm=warm)

    def _start(self, number: int, *line: str) -> None:
        folder = Path(sys.executable).parent  # msrun starts the first python of the path
        environment = os.environ | {"PATH": f"{folder}{os.pathsep}{os.environ['PATH']}"}
        with Path(self._folder.name, f"start_{number}.log").open("w") as log:
            self._started.append(subprocess.Popen(line, stdout=log, stderr=log, env=environment))

    def _welcome(self, listener: socket.socket, core: int) -> None:
        """Wait for a process and give it its core."""
        listener.settimeout(1)
        end = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(TimeoutError):
                connection, _ = listener.accept()
                break
            if time.monotonic() > end or any(process.poll() is not None for process in self._started):
                raise self._failed()
        connection.settimeout(None)
        with connection:
            self._orders.append(connection.makefile("rw", encoding="utf-8"))
        print(core, file=self._orders[-1], flush=True)

    def _reply(self, orders) -> dict:
        with contextlib.suppress(OSError):
            if line := orders.readline():
                return json.loads(line)
        raise self._failed()

    def _failed(self) -> UserError:
        """The last words of the processes, those of the workers before those of their launcher."""
        self._stop(patience=1)
        folder = Path(self._folder.name)
        for log in (*sorted(folder.glob("worker_*.log")), *sorted(folder.glob("start_*.log"))):
            lines = log.read_text("utf-8", errors="replace").splitlines()
            if said := [line for line in lines if line.strip() and not line.startswith(CHATTER)]:
                return UserError(f"a process of {self.probe} ended: {said[-1]}")
        return UserError(f"a process of {self.probe} ended; it said nothing")

    def _stop(self, patience: float) -> None:
        """Give the processes some seconds to end by themselves."""
        for process in self._started:
            try:
                process.wait(patience)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)  # msrun then ends those that it started
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(10)
                process.kill()
                process.wait()

    def _close(self, patience: float) -> None:
        for orders in self._orders:
            with contextlib.suppress(OSError):
                orders.close()
        self._stop(patience)
        self._folder.cleanup()

    def __enter__(self) -> "Team":
        return self

    def __exit__(self, *exception) -> None:
        self._close(PATIENCE if exception == (None, None, None) else 0)


def _msrun(count: int, logs: str) -> list[str]:
    script = Path(sys.executable).with_name("msrun")
    if not script.exists():
        raise UserError(f"{script} is not there: it comes with MindSpore, install that with pip")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    return [
        *(str(script), f"--worker_num={count}", f"--local_worker_num={count}", "--master_addr=127.0.0.1"),
        *(f"--master_port={port}", f"--log_dir={logs}", "--join=True"),
    ]
