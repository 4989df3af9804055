"""The words that are encoded, the same for both sides."""

import numpy as np

from ms_ovs.vocab import labels
from ms_ovs.vocab.batching import lengths
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.tokenizer import Tokenizer

SHORT_LABELS = "lseg/ade20k_150"


def short_labels() -> Vocabulary:
    """The 150 labels of ADE20K in the words of LSeg's authors, mostly one or two tokens each."""
    return labels.parse(SHORT_LABELS)


def first(vocabulary: Vocabulary, count: int | None) -> Vocabulary:
    """The first `count` classes; None for all."""
    return Vocabulary(vocabulary.names[:count], vocabulary.synonyms[:count])


def short_tokens() -> np.ndarray:
    """`short_labels` as int32 (150, 77)."""
    return Tokenizer()(short_labels().words)


def longest(tokens: np.ndarray) -> int:
    """Positions that the longest row needs."""
    return int(lengths(tokens).max())
