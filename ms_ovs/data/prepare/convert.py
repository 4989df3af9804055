"""Making files out of what was unpacked: in several processes, and only what is not there yet."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ms_ovs.data.pool import Item, Result, Shared, in_order
from ms_ovs.data.prepare.archive import FILES, Progress
from ms_ovs.errors import UserError
from ms_ovs.files import write_whole

CHUNK = 16  # files that a worker makes at a time


@dataclass(frozen=True)
class Job:
    """A file to make: `target` becomes what `make(*sources, *extra)` returns, unless that is None.

    `make` is a function of a module, since it goes to other processes; it raises `UserError` for sources that
    are no good.
    """

    target: Path
    make: Callable[..., bytes | None]
    sources: tuple[Path, ...]
    extra: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Converted:
    """How many files were written, were there, and were left out since all their pixels would be ignored."""

    written: int = 0
    kept: int = 0
    left_out: int = 0


def convert(jobs: Sequence[Job], stage: str, workers: int, progress: Progress) -> Converted:
    """Make every target that is not there or is older than its sources, each whole or not at all.

    One that fails does not stop the others. Raises `UserError` with the first fault and their number at the
    end; then what went well is there, and another call makes the rest.
    """
    todo = [job for job in jobs if not is_newer(job.target, job.sources)]
    chunks = [todo[start : start + CHUNK] for start in range(0, len(todo), CHUNK)]
    faults, written, done = [], 0, 0
    for chunk, results in zip(chunks, in_order(_make_all, None, chunks, workers), strict=True):
        written += results.count(WRITTEN)
        faults += [result for result in results if result not in (WRITTEN, LEFT_OUT)]
        progress(stage, done := done + len(chunk), len(todo), FILES)
    if faults:
        raise UserError(
            f"{faults[0]} ({len(faults)} of {len(jobs)} files failed while {stage}; run again after mending, "
            "what went well is kept)"
        )
    return Converted(written, len(jobs) - len(todo), len(todo) - written)


WRITTEN, LEFT_OUT = "", None  # results of a job; any other is its fault


def is_newer(target: Path, sources: Sequence[Path]) -> bool:
    """As make would decide it: a source that was put right later makes a new target."""
    if not target.is_file():
        return False
    made = target.stat().st_mtime
    return all(source.exists() and source.stat().st_mtime <= made for source in sources)


def read_all(
    function: Callable[[Shared, Item], Result],
    shared: Shared,
    items: Sequence[Item],
    stage: str,
    workers: int,
    progress: Progress,
) -> Iterator[Result]:
    """`function(shared, item)` for each of the items, which stand for a file each, in their order."""
    chunks = [items[start : start + CHUNK] for start in range(0, len(items), CHUNK)]
    done = 0
    for results in in_order(_read_each, (function, shared), chunks, workers):
        yield from results
        progress(stage, done := done + len(results), len(items), FILES)


def _read_each(work: tuple[Callable[[Shared, Item], Result], Shared], items: Sequence[Item]) -> list[Result]:
    function, shared = work
    return [function(shared, item) for item in items]


def _make_all(_: None, jobs: Sequence[Job]) -> list[str | None]:
    return [_make(job) for job in jobs]


def _make(job: Job) -> str | None:
    try:
        data = job.make(*job.sources, *job.extra)
        if data is None:
            job.target.unlink(missing_ok=True)
            return LEFT_OUT
        write_whole(job.target, data)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"{str(job.target)!r} cannot be made ({error.strerror or error})"
    return WRITTEN
