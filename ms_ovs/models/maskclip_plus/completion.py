"""Completing label maps: what annotations leave open becomes what a network sees there (design 6.2).

Targets are int32 (B, H, W): a class, IGNORED, or UNLABELLED, which is to be filled in.
"""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ms_ovs.data.hidden import HIDDEN
from ms_ovs.data.transforms import IGNORE
from ms_ovs.models.maskclip.variants import POSITIONS
from ms_ovs.nn.resize import bilinear

IGNORED = IGNORE
UNLABELLED = HIDDEN


def completed(target, scores, classes, conf_thresh: float):
    """The target with the best of `classes` at every pixel that is to be filled in.

    `scores` (B, K, h, w) are those of the K `classes`, int32 (K,); they are resized to the target first.
    With a `conf_thresh` above 0 **every** pixel whose best score is below it is ignored, labelled or not. A
    target that leaves nothing open stays as it is.
    """
    scores = bilinear(scores, target.shape[1:], align_corners=False)
    filled = ops.where(target == UNLABELLED, ops.gather(classes, ops.Argmax(1)(scores), 0), target)
    if conf_thresh > 0:
        filled = ops.where(ops.amax(scores, 1) < conf_thresh, Tensor(IGNORED, ms.int32), filled)
    return ops.where((target == UNLABELLED).any(), filled, target)


def ignoring(target):
    """The target with what is still open ignored."""
    return ops.where(target == UNLABELLED, Tensor(IGNORED, ms.int32), target)


class TeacherLabels(nn.Cell):
    """Images, class embeddings (C, D) and a target → the target completed by the teacher.

    `classes` are the candidates, in the numbering of the network's channels (with a background it is 0). The
    thresholds are those of `ms_ovs.models.maskclip.refine` and `completed`.
    """

    def __init__(
        self,
        network: nn.Cell,
        classes: np.ndarray,
        *,
        pd_thresh: float = 0.0,
        ks_thresh: float = 0.0,
        ks_axis: str = POSITIONS,
        conf_thresh: float = 0.0,
    ):
        super().__init__(auto_prefix=False)
        self.network = network
        self.classes = Tensor(classes, ms.int32)
        self.pd_thresh, self.ks_thresh, self.ks_axis = pd_thresh, ks_thresh, ks_axis
        self.conf_thresh = conf_thresh

    def scores(self, image, text):
        """Refined scores (B, K, h, w) of the candidates, on the teacher's grid."""
        network = self.network
        rows = ops.gather(network.rows(text), self.classes, 0)
        return network.teacher.scores(
            image, rows, pd_thresh=self.pd_thresh, ks_thresh=self.ks_thresh, ks_axis=self.ks_axis
        )

    def construct(self, image, text, target):
        return completed(target, self.scores(image, text), self.classes, self.conf_thresh)


class TeacherFeatures(nn.Cell):
    """Images → the teacher's normalised features (B, D, h, w), a graph of its own."""

    def __init__(self, network: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network = network

    def construct(self, image):
        return self.network.teacher(image)
