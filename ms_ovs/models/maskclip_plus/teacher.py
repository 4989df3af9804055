"""The frozen MaskCLIP that a student learns from."""

from mindspore import nn, ops

from ms_ovs.models.maskclip.model import image_tower
from ms_ovs.models.maskclip.refine import denoised, smoothed
from ms_ovs.models.maskclip.variants import POSITIONS, MaskCLIPConfig
from ms_ovs.nn.norm import unit


class Teacher(nn.Cell):
    """(B, 3, H, W) → projected features (B, D, h, w), divided by their 2-norm, on the tower's grid.

    It is in evaluation mode whatever `set_train` says, and learns nothing.
    """

    def __init__(self, config: MaskCLIPConfig):
        super().__init__()
        self.image = image_tower(config)
        for parameter in self.image.get_parameters():
            parameter.requires_grad = False

    def add_flags_recursive(self, **flags):
        """What `set_train` calls: the statistics of batch norm are never those of a batch."""
        return super().add_flags_recursive(**flags | ({"training": False} if "training" in flags else {}))

    def construct(self, image):
        return self.as_map(unit(self.image(image)[0]), image)

    def scores(self, image, rows, *, pd_thresh: float, ks_thresh: float, ks_axis: str = POSITIONS):
        """Refined scores (B, K, h, w) of K embeddings (K, D): the softmax of the refinements is over them."""
        features, keys = self.image(image)
        scores = ops.matmul(unit(features), ops.transpose(rows, (1, 0)))
        if pd_thresh > 0:
            scores = denoised(scores, pd_thresh)
        if ks_thresh > 0:
            scores = smoothed(scores, keys, ks_thresh, ks_axis)
        return self.as_map(scores, image)

    def as_map(self, tokens, image):
        """(B, h w, C) → (B, C, h, w)."""
        size = self.image.grid(image.shape[2], image.shape[3])
        return ops.transpose(tokens, (0, 2, 1)).reshape(tokens.shape[0], tokens.shape[2], *size)
