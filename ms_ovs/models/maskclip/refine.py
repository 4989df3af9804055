"""MaskCLIP's two refinements of scores (section 3.2; design 2.4 and 2.5).

Scores are cosines of places and classes, (B, P, C); P are the places of a map, row by row.
"""

from mindspore import ops

from ms_ovs.models.maskclip.variants import CHANNELS

SHARPNESS = 100.0  # what cosines are multiplied by before the softmax
REMOVED = -100.0  # the score of a class that denoising removes
LEAST_NORM = 1e-12


def confidence(scores):
    """Probabilities of the classes at every place, (B, P, C)."""
    return ops.softmax(SHARPNESS * scores, -1)


def denoised(scores, threshold: float):
    """Prompt denoising: a class that is nowhere in an image as likely as `threshold` gets -100 everywhere."""
    best = ops.amax(confidence(scores), 1, True)
    return ops.where(best < threshold, REMOVED, scores)


def normalised_keys(keys, axis: str):
    """Keys (B, P, K) divided by their 2-norm: over the "positions" or, as the paper has it, "channels"."""
    over = 2 if axis == CHANNELS else 1
    norm = ops.sqrt(ops.sum(keys * keys, over, True))
    return keys / ops.maximum(norm, LEAST_NORM)


def affinity(keys):
    """Products of every two places' keys, (B, P, K) → (B, P, P)."""
    return ops.matmul(keys, ops.transpose(keys, (0, 2, 1)))


def smoothed(scores, keys, threshold: float, axis: str):
    """Key smoothing: where no class is as likely as `threshold`, sums over places with similar keys.

    The result holds probabilities at the places that stay, and at the others sums whose weights are not
    divided by their sum. All places are replaced from the same map.
    """
    probability = confidence(scores)
    blended = ops.matmul(affinity(normalised_keys(keys, axis)), probability)
    return ops.where(ops.amax(probability, 2, True) < threshold, blended, probability)
