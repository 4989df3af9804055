"""Class weights from a global CLIP prediction (dgymjol/MaskCLIP_SegFormer; design 5)."""

import numpy as np


def class_weights(image: np.ndarray, text: np.ndarray, tau: float) -> np.ndarray:
    """float32 (N, C): how much each class is in each image, by CLIP; rows sum to 1.

    `image` (N, D) are CLIP's features of whole images, in any length; `text` (C, D) the means of the
    normalised features of each class's prompts, whose lengths count. No logit scale is applied: with a
    temperature `tau` of 1 the weights are nearly flat.
    """
    image = image.astype(np.float64)
    logits = image / np.linalg.norm(image, axis=1, keepdims=True) @ text.T.astype(np.float64) / tau
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return (powers / powers.sum(1, keepdims=True)).astype(np.float32)
