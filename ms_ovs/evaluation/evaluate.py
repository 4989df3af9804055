"""Scoring a data set: every image once, on one process or on several, whatever single images do.

What predicts is a function from a photograph to a label map: a `Segmenter` at its labels, or `windowed`
around a bare network. What is scored is anything like `ms_ovs.data.folders.FolderDataset`: a length, items,
and their names.
"""

import json
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import astuple, dataclass, field, replace
from typing import Any, Protocol

import numpy as np

from ms_ovs.data.transforms import normalise
from ms_ovs.distributed import World
from ms_ovs.errors import UserError, choose
from ms_ovs.evaluation import sliding
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.evaluation.sliding import Network, SlidingWindow

Predict = Callable[[np.ndarray, sliding.Progress | None], np.ndarray]
Progress = Callable[[float, int, str], None]
Scored = Callable[[int, np.ndarray, np.ndarray, np.ndarray], None]


class Data(Protocol):
    """A data set, as far as scoring needs it."""

    def __len__(self) -> int:
        """The number of images."""

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Image, uint8 (H,W,3), and target, int32 (H,W) with -1 where there is no label.

        `UserError` or `OSError` where the files are damaged or gone.
        """

    def name(self, index: int) -> str:
        """What to call an image."""


@dataclass(frozen=True)
class ViewProtocol:
    """The views of an image whose scores are summed. `name` is "custom" for those that nobody published."""

    name: str
    scales: tuple[float, ...]
    flip: bool

    @classmethod
    def of(cls, name: str, scales: Sequence[float] | None = None, flip: bool | None = None) -> "ViewProtocol":
        """The protocol called `name`, with other scales or flip where they are given."""
        known = PROTOCOLS[choose("protocol", name, PROTOCOLS)]
        wanted = replace(
            known,
            scales=known.scales if scales is None else tuple(scales),
            flip=known.flip if flip is None else flip,
        )
        return known if wanted == known else replace(wanted, name="custom")

    def windows(self, config: Any, *, batch: int = 1) -> SlidingWindow:
        """The windows for a network, of whose `config` base_size, crop_size, mean and std are used.

        `batch` of them go through it at a time.
        """
        return SlidingWindow(
            base_size=config.base_size,
            crop_size=config.crop_size,
            scales=self.scales,
            flip=self.flip,
            mean=config.mean,
            std=config.std,
            batch=batch,
        )


# isl-org/lang-seg, test_lseg.py: the scales for the data set name "citys", and for all others
PROTOCOLS = {
    "lseg": ViewProtocol("lseg", (0.5, 0.75, 1.0, 1.25, 1.5, 1.75), True),
    "lseg_citys": ViewProtocol("lseg_citys", (0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.25), True),
    "single": ViewProtocol("single", (1.0,), False),
}


@dataclass(frozen=True)
class Failure:
    """An image that could not be scored, and why."""

    index: int
    name: str
    message: str


@dataclass
class Evaluation:
    """What came out of scoring `images` images; `failed` ones are in no count.

    `failures` tells why, for the images of this process, or of all once they are `together`. `seconds` is the
    time of all of it.
    """

    scores: SemanticScores
    images: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def counts(self) -> np.ndarray:
        """Everything counted, int64 (N,), for a sum over the processes: see `summed`."""
        return np.concatenate([[self.images, self.failed], self.scores.counts])

    def summed(self, counts: np.ndarray) -> "Evaluation":
        """That of all processes, whose `counts` sum to these; failures and seconds are this one's."""
        return replace(self, scores=self._of(counts[2:]), images=int(counts[0]), failed=int(counts[1]))

    def together(self, world: World) -> "Evaluation":
        """That of all processes with the failures of all, in the order of the data; each must call it."""
        total = self.summed(world.sum(self.counts))
        if not total.failed:
            return total
        parts = _texts(world, json.dumps([astuple(failure) for failure in self.failures]))
        rows = sorted(row for part in parts for row in json.loads(part))
        return replace(total, failures=[Failure(*row) for row in rows])

    def _of(self, counts: np.ndarray) -> SemanticScores:
        return SemanticScores.from_counts(self.scores.labels, counts)


def evaluate(
    predict: Predict,
    data: Data,
    labels: Sequence[str],
    *,
    rank: int = 0,
    ranks: int = 1,
    strict: bool = False,
    progress: Progress | None = None,
    scored: Scored | None = None,
    begun: Evaluation | None = None,
    after: Callable[[Evaluation], None] | None = None,
) -> Evaluation:
    """Score label maps: `predict` maps an image, and a callback for its windows, to int32 (H,W), numbers into
    `labels`. `begun` is the evaluation to go on with, if there is one. The rest is as in `score_images`.
    """
    result = Evaluation(SemanticScores(labels)) if begun is None else begun
    shares = {"rank": rank, "ranks": ranks, "strict": strict}
    score_images(result, predict, data, **shares, progress=progress, scored=scored, after=after)
    return result


def score_images(
    result: Evaluation,
    predict: Predict,
    data: Data,
    *,
    rank: int = 0,
    ranks: int = 1,
    strict: bool = False,
    progress: Progress | None = None,
    scored: Scored | None = None,
    after: Callable[[Evaluation], None] | None = None,
) -> None:
    """Score the images rank, rank + ranks, … of `data` into `result`, so that no image is counted twice.

    What `result` holds already are the first of these images: it goes on with the next one.

    Images that cannot be read, or whose truth does not fit them, are listed in the result, unless `strict`:
    then the first one's `UserError` ends it. What `predict` raises is the model's fault, and ends it too.
    `progress` is told (images done, of how many, name), with fractions while the windows of an image run;
    `scored` is given the index of each image, with the image, its truth and its prediction; `after` is given
    the result when all of an image is counted, or that it failed.
    """
    start = time.perf_counter() - result.seconds
    mine = range(rank, len(data), ranks)
    begun = result.images + result.failed
    for done, index in enumerate(mine[begun:], begun):
        name = data.name(index)
        try:
            image, target = data[index]
            result.scores.check(target, image.shape[:2])
        except (UserError, OSError) as error:
            if strict:
                raise UserError(f"{name}: {error}") from error
            result.failures.append(Failure(index, name, str(error)))
            result.failed += 1
        else:
            told = _windows_of(progress, done, len(mine), name) if progress else None
            prediction = predict(image, told)
            result.scores.update(prediction, target)
            result.images += 1
            if scored:
                scored(index, image, target, prediction)
        result.seconds = time.perf_counter() - start
        if after:
            after(result)
        if progress:
            progress(done + 1, len(mine), name)


def windowed(network: Network, windows: SlidingWindow, owner: Iterable[int] | None = None) -> Predict:
    """A prediction by `windows` of a network: float32 (batch,3,crop,crop) to float32 (batch,N,crop,crop).

    `owner` holds the class of each of the N channels, where classes have several; without it the channels are
    the classes.
    """
    classes = None if owner is None else np.asarray(owner, np.int32)

    def predict(image: np.ndarray, progress: sliding.Progress | None) -> np.ndarray:
        normal = normalise(image, windows.mean, windows.std)[None]
        channels = windows.label_map(network, normal, progress)
        return channels if classes is None else classes[channels]

    return predict


def _windows_of(progress: Progress, done: int, total: int, name: str) -> sliding.Progress:
    """What an image's windows tell, as a fraction of an image."""
    progress(done, total, name)
    return lambda calls, of: progress(done + calls / of, total, name)


def _texts(world: World, text: str) -> list[str]:
    """The text of each process, by sums of their letters: sums are all that processes exchange."""
    letters = np.frombuffer(text.encode(), np.uint8)
    lengths = np.zeros(world.ranks, np.int64)
    lengths[world.rank] = len(letters)
    lengths = world.sum(lengths)
    table = np.zeros((world.ranks, lengths.max()), np.int64)
    table[world.rank, : len(letters)] = letters
    table = world.sum(table.ravel()).reshape(table.shape)
    return [
        row[:length].astype(np.uint8).tobytes().decode() for row, length in zip(table, lengths, strict=True)
    ]
