"""What a training step is asked to do, the same for both sides."""

import numpy as np

LABELS = 150  # as many as ADE20K has
RATE, MOMENTUM, DECAY = 1e-4, 0.9, 1e-4  # the rate is small: random weights must not run away
ADAMW_RATE, ADAMW_DECAY = 6e-5, 1e-2  # SegFormer's
IGNORE = -1


def batch(count: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Images float32 (count,3,size,size) and targets int32 (count,size,size), some of them ignored."""
    draws = np.random.default_rng(0)
    image = draws.standard_normal((count, 3, size, size), np.float32)
    return image, draws.integers(IGNORE, LABELS, (count, size, size), np.int32)
