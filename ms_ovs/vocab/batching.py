"""Rows of tokens in batches of few shapes: a new shape is a graph to compile, a padded token is work."""

from collections.abc import Iterator

import numpy as np

BATCH = 32  # rows a call; a shorter last batch repeats a row
LENGTHS = (6, 8, 12, 16, 24, 32, 48, 64)  # positions a call; longer texts use the whole context
GRAPH_COST = 8192  # tokens that are encoded while one more graph is compiled (seconds on a CPU)


def lengths(tokens: np.ndarray) -> np.ndarray:
    """Positions (N,) of the int32 rows (N, L) that matter: up to the first end-of-text, the largest id.

    The text tower is causal and reads its result there, so what follows changes nothing. (Ids cannot be
    counted instead: 0 is the padding and also a symbol.)
    """
    return tokens.argmax(axis=1) + 1


def batches(tokens: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Cut rows (N, L) into (numbers of the rows, rows (BATCH, l)); the last row may repeat to fill a batch.

    Rows are grouped by length. A group too small to be worth a graph of its own is encoded with longer ones.
    """
    ladder = np.array([step for step in LENGTHS if step < tokens.shape[1]] + [tokens.shape[1]])
    steps = np.searchsorted(ladder, lengths(tokens))
    pending: list[int] = []
    occupied = np.unique(steps)
    for position, step in enumerate(occupied):
        pending.extend(np.flatnonzero(steps == step))
        if position + 1 < len(occupied):
            growth = ladder[occupied[position + 1]] - ladder[step]
            if len(pending) * growth < GRAPH_COST:
                continue
        for start in range(0, len(pending), BATCH):
            rows = np.array(pending[start : start + BATCH])
            full = np.pad(rows, (0, BATCH - len(rows)), mode="edge")
            yield rows, np.ascontiguousarray(tokens[full, : ladder[step]])
        pending = []
