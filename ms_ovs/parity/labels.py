"""Label maps against those of a case, where the two best scores may lie nearer than rounding."""

import numpy as np

from ms_ovs.parity.case import Case


def decided(case: Case, output: str, scores: np.ndarray) -> np.ndarray:
    """The labels (N, H, W) of scores (N, C, H, W); of a tie within the case's tolerance the case's label.

    A tie is a place where the score of the case's label is lower than the best by at most the tolerance, as
    a part of the standard deviation of the scores.
    """
    labels = scores.argmax(1)
    stored = case.arrays.get(output)
    steps = case.arrays.get(f"{output}.stride", np.ones(labels.ndim, int))
    places = tuple(slice(None, None, int(step)) for step in steps)
    if stored is None or labels[places].shape != stored.shape:
        return labels
    theirs = np.clip(stored.astype(np.intp), 0, scores.shape[1] - 1)
    near = scores[places[0], :, places[1], places[2]]
    lower = near.max(1) - np.take_along_axis(near, theirs[:, None], 1)[:, 0]
    labels[places] = np.where(lower <= case.tolerance * scores.std(), theirs, labels[places])
    return labels
