"""The test of LSeg's zero-shot networks: each episode once through the network, with its own pair of words.

The first word is "others", the second the label that is looked for; where its channel is the higher one, the
foreground is. One size, no windows, no mirrored copies (`test_lseg_zs.py` of isl-org/lang-seg).
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from ms_ovs.data.fewshot import FewShotDataset
from ms_ovs.data.transforms import Squeezed
from ms_ovs.errors import UserError
from ms_ovs.evaluation.evaluate import Evaluation, Failure, Progress
from ms_ovs.evaluation.fewshot import FewShotScores
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary

PROTOCOL = "lseg_few_shot"
OTHERS = "others"

Predict = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass
class EpisodeEvaluation(Evaluation):
    """What came out of scoring episodes: `images` are those that were scored."""

    scores: FewShotScores

    def _of(self, counts: np.ndarray) -> FewShotScores:
        return FewShotScores.from_counts(self.scores.classes, counts)


def word_pairs(
    encode: Callable[[np.ndarray], np.ndarray], names: Sequence[str], **settings: Any
) -> np.ndarray:
    """Embeddings float32 (N,2,D) of "others" and each of N names.

    `encode` and `settings` are those of `ms_ovs.vocab.embeddings.embed`.
    """
    rows = embed(encode, Vocabulary.of((OTHERS, *names)), normalised=False, **settings)
    return np.stack([np.broadcast_to(rows[0], rows[1:].shape), rows[1:]], axis=1)


def foreground(model: nn.Cell, pairs: np.ndarray) -> Predict:
    """A prediction by `model` and the embeddings float32 (N,2,D) of N pairs of words.

    It maps images, float32 (B,3,H,W), and the number of the pair for each, (B,), to masks of 0 and 1, int32
    (B,H,W). Equal scores are background. Raises `UserError` for scores that are not finite.
    """

    def predict(images: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        scores = model(ms.Tensor(images), ms.Tensor(pairs[numbers])).asnumpy()
        if not np.isfinite(scores.sum()):
            raise UserError("the scores are not finite numbers: the weights are damaged, convert them again")
        return (scores[:, 1] > scores[:, 0]).astype(np.int32)

    return predict


def evaluate_episodes(
    predict: Predict,
    data: FewShotDataset,
    transform: Squeezed,
    *,
    batch: int = 1,
    rank: int = 0,
    ranks: int = 1,
    strict: bool = False,
    progress: Progress | None = None,
) -> EpisodeEvaluation:
    """Score the episodes rank, rank + ranks, … of `data`, each in one forward with others: `batch` at a time.

    `predict` is like `foreground`; pairs are numbered in the order of `data.class_ids`. It is always given
    `batch` images: a short batch is filled up by repeats, which are not counted. Episodes that cannot be read
    are listed in the result, unless `strict`: then the first one's `UserError` ends it. `progress` is told
    (episodes done, of how many, name) after each batch.
    """
    result = EpisodeEvaluation(FewShotScores(data.class_ids))
    column = {class_id: number for number, class_id in enumerate(data.class_ids)}
    start = time.perf_counter()
    mine = range(rank, len(data), ranks)
    for first in range(0, len(mine), batch):
        group = mine[first : first + batch]
        if episodes := _read(data, transform, group, result, strict):
            images, targets, class_ids = zip(*episodes, strict=True)
            chosen = np.minimum(np.arange(batch), len(episodes) - 1)
            numbers = np.array([column[class_id] for class_id in class_ids])
            masks = predict(np.stack(images)[chosen], numbers[chosen])[: len(episodes)]
            for mask, target, class_id in zip(masks, targets, class_ids, strict=True):
                result.scores.update(mask, target, class_id)
            result.images += len(episodes)
        if progress:
            progress(first + len(group), len(mine), data.name(group[-1]))
    result.seconds = time.perf_counter() - start
    return result


def _read(
    data: FewShotDataset, transform: Squeezed, group: Sequence[int], result: EpisodeEvaluation, strict: bool
) -> list[tuple]:
    """(image, target, class id) of the episodes that can be read; the others are noted in `result`."""
    episodes = []
    for index in group:
        try:
            image, target, class_id = data[index]
        except (UserError, OSError) as error:
            if strict:
                raise UserError(f"{data.name(index)}: {error}") from error
            result.failures.append(Failure(index, data.name(index), str(error)))
            result.failed += 1
        else:
            episodes.append((*transform(image, target), class_id))
    return episodes
