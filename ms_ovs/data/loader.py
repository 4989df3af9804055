"""Batches for training and evaluation, the same whatever the number of worker processes.

The order of an epoch follows from (seed, epoch), and the chance in a sample from (seed, epoch, its index). So
an epoch can be taken up at any batch, and results depend neither on workers nor on what was read before.
"""

import multiprocessing
import os
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from ms_ovs.data import order, parcels
from ms_ovs.data.transforms import Transform
from ms_ovs.errors import UserError, choose

ON_ERROR = ("stop", "skip")
AHEAD = 2  # batches that each worker may be ahead
Batch = tuple[np.ndarray, ...]


class Dataset(Protocol):
    """What the loader reads from: an image, a target, and whatever else is a number."""

    def __len__(self) -> int:
        """The number of samples."""

    def __getitem__(self, index: int) -> tuple:
        """(image uint8 (H,W,3), target int32, …); raises `UserError` for a sample that cannot be read."""


class Loader:
    """Reads, transforms and stacks samples of a data set.

    `skipped` holds the messages of samples that could not be read. Use it as a context, or `close` it: worker
    processes live from the first epoch until then.
    """

    def __init__(
        self,
        dataset: Dataset,
        transform: Transform,
        *,
        batch_size: int,
        seed: int = 0,
        rank: int = 0,
        ranks: int = 1,
        shuffle: bool = True,
        drop_last: bool = True,
        workers: int = 0,
        on_error: str = "stop",
    ):
        """For process `rank` of `ranks`; `batch_size` is that of one process. `order.batches` has the shares.

        `on_error` says what becomes of a sample that cannot be read: "stop" raises its `UserError`; "skip"
        notes it and, with `drop_last`, takes the next sample of the data set in its place, so that batches
        stay full. Without `drop_last` it is left out, so that nothing is counted twice. With `workers`,
        `dataset` and `transform` go to other processes, so they must be picklable. Raises `UserError` for
        a data set that does not fill a batch.
        """
        choose("on_error", on_error, ON_ERROR)
        self._work = _Work(dataset, transform, seed, fill=drop_last, skip=on_error == "skip")
        self.batch_size, self.rank, self.ranks = batch_size, rank, ranks
        self.shuffle, self.drop_last, self.workers = shuffle, drop_last, workers
        self.skipped: list[str] = []
        self._pool: ProcessPoolExecutor | None = None
        if not len(self):
            raise UserError(
                f"{len(dataset)} samples are fewer than a batch of {batch_size} on each of {ranks} "
                "processes: give more samples or a smaller batch"
            )

    def __len__(self) -> int:
        """Batches of this process in an epoch."""
        return len(self._order(0))

    def __enter__(self) -> "Loader":
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def close(self) -> None:
        """End the worker processes."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None

    def epoch(self, number: int, start: int = 0) -> Iterator[Batch]:
        """The batches of epoch `number` from batch `start` on, read ahead when there are workers.

        A batch is (images float32 (B,3,H,W), targets int32 (B,…), and what the data set adds, int32 (B,)).
        Raises `UserError` for a sample that cannot be read, samples of different sizes, and a dead worker.
        """
        chunks = self._order(number)[start:]
        read = self._ahead(chunks, number) if self.workers else (self._work(c, number) for c in chunks)
        for batch, skipped in read:
            self.skipped += skipped
            if batch is not None:
                yield batch

    def _order(self, epoch: int) -> list[np.ndarray]:
        return order.batches(
            len(self._work.dataset),
            batch_size=self.batch_size,
            seed=self._work.seed,
            epoch=epoch,
            rank=self.rank,
            ranks=self.ranks,
            shuffle=self.shuffle,
            drop_last=self.drop_last,
        )

    def _ahead(self, chunks: Sequence[np.ndarray], epoch: int) -> "Iterator[Read]":
        """Results in order, while workers are at the batches that come next."""
        pool = self._started()
        waiting: deque[Future] = deque()
        left = iter(chunks)
        try:
            while True:
                while len(waiting) < AHEAD * self.workers and (chunk := next(left, None)) is not None:
                    waiting.append(pool.submit(_in_worker, chunk, epoch))
                if not waiting:
                    return
                packed, skipped = waiting.popleft().result()
                yield packed and parcels.unpack(packed), skipped
        except BrokenProcessPool:
            self.close()
            raise UserError(
                "a data worker died, perhaps for lack of memory: set fewer workers, or 0 to see more"
            ) from None
        finally:
            for future in waiting:
                if not future.cancel():
                    future.add_done_callback(_discard)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            # not forked from this process, whose threads (MindSpore's) would leave locks behind in the copy
            self._pool = ProcessPoolExecutor(
                self.workers,
                mp_context=multiprocessing.get_context("spawn"),
                initializer=_start_worker,
                initargs=(self._work,),
            )
        return self._pool


Read = tuple[Batch | None, list[str]]


@dataclass(frozen=True)
class _Work:
    """From indices to a batch: what is done here or in a worker."""

    dataset: Dataset
    transform: Transform
    seed: int
    fill: bool
    skip: bool

    def __call__(self, indices: np.ndarray, epoch: int) -> Read:
        """The batch (None if nothing is left of it), and the messages of samples that could not be read."""
        skipped: list[str] = []
        samples = [self._sample(int(index), epoch, skipped) for index in indices]
        samples = [sample for sample in samples if sample is not None]
        return (_stacked(samples) if samples else None), skipped

    def _sample(self, index: int, epoch: int, skipped: list[str]) -> tuple | None:
        tries = len(self.dataset) if self.skip and self.fill else 1
        for step in range(tries):
            at = (index + step) % len(self.dataset)
            try:
                image, target, *others = self.dataset[at]
            except UserError as error:
                if not self.skip:
                    raise
                skipped.append(str(error))
                continue
            draws = np.random.default_rng([self.seed, epoch, at + 1])  # 0 is that of the order
            return *self.transform(image, target, draws), *map(np.int32, others)
        if self.fill:
            raise UserError(f"none of the {tries} samples can be read; the last says: {skipped[-1]}")
        return None


def _stacked(samples: list[tuple]) -> Batch:
    parts = list(zip(*samples, strict=True))
    for arrays in parts:
        shapes = {array.shape for array in arrays}
        if len(shapes) > 1:
            raise UserError(
                f"samples of a batch have different sizes ({', '.join(map(str, sorted(shapes)[:2]))}): "
                "set batch_size 1 or a transform to one size"
            )
    return tuple(np.stack(arrays) for arrays in parts)


_work: _Work | None = None  # in a worker process: what it was started with


def _start_worker(work: _Work) -> None:
    global _work
    _work = work
    if hasattr(os, "setsid"):
        os.setsid()  # Ctrl-C and signals to the whole group are the parent's to answer
    threading.Thread(target=_follow_parent, daemon=True).start()


def _follow_parent() -> None:
    """End with the process that started this one: killed, it cannot say so."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _in_worker(indices: np.ndarray, epoch: int) -> tuple[parcels.Parcel | Batch | None, list[str]]:
    batch, skipped = _work(indices, epoch)
    return batch and parcels.pack(batch), skipped


def _discard(future: Future) -> None:
    """Free the memory of a batch that nobody waits for any more."""
    if not future.cancelled() and not future.exception() and isinstance(future.result()[0], parcels.Parcel):
        future.result()[0].discard()
