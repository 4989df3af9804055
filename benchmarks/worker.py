"""The inside of a side's process: builds a probe and calls its actions when told to.

`python -m benchmarks.worker module:function '{"argument": …}' THREADS` answers every line of JSON on
stdin by one on stdout. What libraries print goes to stderr.
"""

import contextlib
import importlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TextIO

import psutil

from ms_ovs.errors import UserError


@dataclass(frozen=True)
class Probe:
    """What a side can do, by name, and what it knows about its work (plain values)."""

    actions: Mapping[str, Callable[[], object]]
    facts: Mapping[str, float] = field(default_factory=dict)


def peak_memory() -> int:
    """The most bytes that this process has held in memory."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def core_seconds() -> float:
    """The time that cores have worked for this process and for those that it started and that still live."""
    total = time.process_time()
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = child.cpu_times()
            total += times.user + times.system
    return total


def limit_threads(count: int, first: int = 0) -> None:
    """Give this process `count` cores, from number `first` on, and tell its libraries before their import.

    torch takes OMP_NUM_THREADS. MindSpore 2.8 on the CPU heeds neither that nor `runtime_num_threads` nor
    `dispatch_threads_num` in its kernels (seen by the time its threads take); the cores it obeys.
    """
    os.environ["OMP_NUM_THREADS"] = str(count)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[first : first + count])


def seconds(action: Callable[[], object], calls: int) -> list[float]:
    """The time that each of `calls` calls takes."""
    taken = []
    for _ in range(calls):
        start = time.perf_counter()
        action()
        taken.append(time.perf_counter() - start)
    return taken


def serve(target: str, arguments: str, requests: Iterable[str], replies: TextIO) -> None:
    """Build the probe `module:function` of the JSON `arguments` and answer `requests` until they end.

    Exits with the message of a `UserError`.
    """
    module, function = target.split(":")
    try:
        probe = getattr(importlib.import_module(module), function)(**json.loads(arguments))
    except UserError as error:
        sys.exit(str(error))
    print(json.dumps({"facts": dict(probe.facts), "core_seconds": core_seconds()}), file=replies, flush=True)
    for line in requests:
        request = json.loads(line)
        action = probe.actions[request["action"]]
        seconds(action, request["warm"])
        taken = seconds(action, request["calls"])
        reply = {"seconds": taken, "peak_memory": peak_memory(), "core_seconds": core_seconds()}
        print(json.dumps(reply), file=replies, flush=True)


def main() -> None:
    """Serve until stdin ends."""
    replies = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    target, arguments, threads = sys.argv[1:]
    limit_threads(int(threads))
    serve(target, arguments, sys.stdin, replies)


if __name__ == "__main__":
    main()
