"""Work on many files in several processes, with results in order."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from ms_ovs.errors import UserError

Item, Result, Shared = TypeVar("Item"), TypeVar("Result"), TypeVar("Shared")

MOST_WORKERS = 8  # by default; with more a disk is the limit


def default_workers() -> int:
    """One process a core, up to `MOST_WORKERS`."""
    return min(MOST_WORKERS, os.cpu_count() or 1)


def check_workers(workers: int) -> None:
    """Raise `UserError` for fewer workers than none."""
    if workers < 0:
        raise UserError(f"workers is {workers}: give 0 or more")


def in_order(
    function: Callable[[Shared, Item], Result], shared: Shared, items: Sequence[Item], workers: int
) -> Iterator[Result]:
    """`function(shared, item)` of each item, in so many `workers` or, with 0, in this process.

    Everything given must be picklable; `shared` goes to each process once. Raises what `function` raises, and
    `UserError` when a worker dies.
    """
    if workers == 0 or len(items) < 2:
        yield from (function(shared, item) for item in items)
        return
    pool = ProcessPoolExecutor(
        min(workers, len(items)),
        mp_context=multiprocessing.get_context("spawn"),  # threads of this process would break a fork
        initializer=_start_worker,
        initargs=(function, shared),
    )
    try:
        yield from pool.map(_in_worker, items)
    except BrokenProcessPool:
        raise UserError(
            "a worker died, perhaps for lack of memory: give fewer --workers, or 0 to see more"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


_work: tuple[Callable, object] | None = None  # in a worker process: what it was started with


def _start_worker(function: Callable, shared: object) -> None:
    global _work
    _work = function, shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to answer
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the process that started this one: killed, it cannot say so."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _in_worker(item: object) -> object:
    function, shared = _work
    return function(shared, item)
