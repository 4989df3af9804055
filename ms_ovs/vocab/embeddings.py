"""Class embeddings of a vocabulary, and their cache on disk.

Pooling, as in CLIP's zero-shot notebook and, per synonym, in FC-CLIP and MAFT-Plus: every synonym is put
into every template; each prompt's embedding is divided by its 2-norm, the mean over the templates is taken,
and divided by its 2-norm again. That of a bare label is the encoder's own output, divided by its 2-norm.
"""

import contextlib
import hashlib
import io
import json
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ms_ovs.files import write_whole
from ms_ovs.vocab.batching import batches
from ms_ovs.vocab.files import cache_folder
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.templates import BARE, fill

Encode = Callable[[np.ndarray], np.ndarray]

POOLING_VERSION = 2  # raise it when the numbers below change: old cache files are then not found
DIGEST_SIZE = 32  # bytes
PATIENCE = 2.0  # seconds of work before a progress bar appears

logger = logging.getLogger(__name__)


def embed(
    encode: Encode,
    vocabulary: Vocabulary,
    *,
    tokenizer: Callable[[Sequence[str]], np.ndarray],
    templates: Sequence[str],
    weights_hash: str,
    cache: Path | Literal[False] | None = None,
    progress: bool = True,
    normalised: bool = True,
) -> np.ndarray:
    """Embeddings float32 (words, D), one row for each synonym of `vocabulary`, in order.

    `encode` maps int32 tokens (N, L), L ≤ context, to float32 (N, D), not normalised; it is given every
    different prompt once, in few different shapes. `weights_hash` names the encoder in the key of the cache,
    which lies in the folder `cache` (None: the default one; False: none is used). `progress` shows a bar on
    stderr when the work takes more than two seconds. Without `normalised` the last division is left out:
    means over templates keep their lengths, as MaskCLIP's class weights have them, and bare labels are the
    encoder's output, which LSeg normalises itself. Raises `UserError` for a prompt that is too long.
    """
    words, templates = vocabulary.words, tuple(templates)
    path = None
    if cache is not False:
        folder = cache_folder() if cache is None else Path(cache)
        path = folder / "embeddings" / f"{_key(weights_hash, words, templates, normalised)}.npy"
        if (known := _load(path)) is not None:
            return known
    prompts = [fill(template, word) for word in words for template in templates]
    numbers = {prompt: number for number, prompt in enumerate(dict.fromkeys(prompts))}
    unique = _encode_all(encode, tokenizer(list(numbers)), progress)
    rows = unique[[numbers[prompt] for prompt in prompts]]
    if templates != BARE:
        rows = unit_rows(rows).reshape(len(words), len(templates), -1).mean(axis=1)
    if normalised:
        rows = unit_rows(rows)
    if path is not None:
        _save(path, rows)
    return rows


def unit_rows(x: np.ndarray) -> np.ndarray:
    """`x` divided by its 2-norm along the last axis."""
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def _encode_all(encode: Encode, tokens: np.ndarray, progress: bool) -> np.ndarray:
    """float32 (N, D) of all rows of `tokens`, in their order."""
    work = list(batches(tokens))
    out = None
    for rows, batch in _watched(work) if progress else work:
        encoded = np.asarray(encode(batch), np.float32)[: len(rows)]
        if out is None:
            out = np.empty((len(tokens), encoded.shape[1]), np.float32)
        out[rows] = encoded
    return out


def _watched(work: list) -> Iterator:
    """The items of `work`, with a progress bar on a terminal once they have taken a while."""
    from rich.console import Console
    from rich.progress import Progress

    console = Console(stderr=True)
    with contextlib.ExitStack() as stack:
        start, bar, task = time.monotonic(), None, None
        for done, item in enumerate(work):
            if bar is None and done and time.monotonic() - start > PATIENCE:
                silent = not console.is_terminal
                bar = stack.enter_context(Progress(console=console, transient=True, disable=silent))
                task = bar.add_task("encoding words", total=len(work))
            if bar is not None:
                bar.update(task, completed=done)
            yield item


def _key(weights_hash: str, words: Iterable[str], templates: Iterable[str], normalised: bool) -> str:
    content = [POOLING_VERSION, weights_hash, list(words), list(templates)]
    content += [] if normalised else ["means"]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def _save(path: Path, rows: np.ndarray) -> None:
    """Write an .npy file, followed by its SHA-256, which `numpy.load` does not look at."""
    buffer = io.BytesIO()
    np.save(buffer, rows, allow_pickle=False)
    data = buffer.getvalue()
    try:
        write_whole(path, data + hashlib.sha256(data).digest())
    except OSError as error:
        logger.warning("embeddings are not cached: cannot write %s (%s)", path, error.strerror)


def _load(path: Path) -> np.ndarray | None:
    """The rows of a cache file, or None when it is not there or damaged."""
    try:
        blob = path.read_bytes()
    except OSError:
        return None
    data, digest = blob[:-DIGEST_SIZE], blob[-DIGEST_SIZE:]
    if hashlib.sha256(data).digest() != digest:
        logger.warning("cache file %s is damaged and will be made again", path)
        return None
    return np.load(io.BytesIO(data), allow_pickle=False)
