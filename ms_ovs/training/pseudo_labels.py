"""The losses of a MaskCLIP+ student: on labels that were completed, or on its teacher's features."""

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn, ops

from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.models.maskclip_plus.completion import IGNORED, UNLABELLED, completed, ignoring
from ms_ovs.models.maskclip_plus.model import products
from ms_ovs.nn.norm import unit
from ms_ovs.nn.resize import bilinear


class StudentLoss(nn.Cell):
    """Images, class embeddings (C, D), target, flag(, class weights (B, C)) → the loss.

    The target, int32 (B, H, W), is as the annotations have it or as a teacher completed it
    (`ms_ovs.models.maskclip_plus.completion`). With the flag, a bool scalar, the student completes it by
    its own features, from which no gradient comes back; `classes` are the candidates, none where it never
    does. What is open after that is ignored. The cross entropy is the mean over **all** pixels, ignored
    ones as 0.
    """

    def __init__(self, network: nn.Cell, classes: np.ndarray, *, conf_thresh: float = 0.0):
        super().__init__(auto_prefix=False)
        self.network = network
        self.trains_itself = len(classes) > 0
        self.classes = Tensor(classes, ms.int32) if self.trains_itself else None
        self.conf_thresh = conf_thresh
        self.loss = PixelCrossEntropy(over_all=True)

    def construct(self, image, text, target, self_training, weights=None):
        return self.parts(image, text, target, self_training, weights)[0]

    def parts(self, image, text, target, self_training, weights=None):
        """The loss, the scores on the grid of the features, and the labels that the loss was given."""
        network = self.network
        features = network.features(image)
        if self.trains_itself:
            target = ops.where(self_training, self.by_itself(features, text, target), target)
        target = ignoring(target)
        scores = network.of_features(features, text, weights)
        loss = self.loss(bilinear(scores, target.shape[1:], align_corners=False), target)
        return loss, scores, target

    def by_itself(self, features, text, target):
        """The target completed by the student."""
        network = self.network
        features = ops.stop_gradient(features)
        if network.config.norm_feat:
            features = unit(features, 1)
        rows = ops.stop_gradient(ops.gather(network.rows(text), self.classes, 0))
        return completed(target, products(rows, features), self.classes, self.conf_thresh)


class DistillationLoss(nn.Cell):
    """Images, class embeddings, target, the teacher's features (B, D, h, w)(, class weights) → the loss.

    The mean absolute difference between the student's features and the teacher's normalised ones, both
    resized to the target, over the pixels that are not ignored or, unless `labelled`, over those that are
    to be filled in; times `weight`, and the cross entropy of the labelled pixels. No labels are completed.

    With `detached`, as the authors have it, no gradient of the difference reaches the student: where
    nothing is labelled it does not learn at all. (Theirs is NaN where no pixel is left to compare; here it
    is 0.)
    """

    def __init__(
        self, network: nn.Cell, *, weight: float = 1.0, labelled: bool = True, detached: bool = True
    ):
        super().__init__(auto_prefix=False)
        self.network = network
        self.weight, self.labelled, self.detached = weight, labelled, detached
        self.loss = PixelCrossEntropy(over_all=True)

    def construct(self, image, text, target, taught, weights=None):
        cross_entropy, distillation = self.parts(image, text, target, taught, weights)
        return cross_entropy + distillation

    def parts(self, image, text, target, taught, weights=None):
        """The cross entropy and the weighted distillation loss."""
        network = self.network
        features = network.features(image)
        size = target.shape[1:]
        scores = bilinear(network.of_features(features, text, weights), size, align_corners=False)
        if self.detached:
            features = ops.stop_gradient(features)
        apart = bilinear(features, size, align_corners=False) - bilinear(taught, size, align_corners=False)
        chosen = (target != IGNORED) if self.labelled else (target == UNLABELLED)
        chosen = chosen.astype(ms.float32)
        counted = ops.maximum(chosen.sum(), Tensor(1.0, ms.float32)) * features.shape[1]
        distillation = self.weight * (ops.abs(apart).sum(1) * chosen).sum() / counted
        return self.loss(scores, ignoring(target)), distillation
