"""SegFormer: a Mix Transformer with the all-MLP head (Xie et al. 2021)."""

from mindspore import Parameter, nn

from ms_ovs.backbones.mit import MixTransformer
from ms_ovs.models.segformer.variants import SegFormerConfig
from ms_ovs.nn.all_mlp_head import AllMLPHead
from ms_ovs.nn.conv import conv2d
from ms_ovs.nn.drop import ChannelDropout
from ms_ovs.nn.init import kaiming
from ms_ovs.nn.resize import bilinear

CLASSIFIER_DEVIATION = 0.01


class SegFormer(nn.Cell):
    """Images float32 (B, 3, H, W) → scores float32 (B, classes, H, W).

    Images are normalised by `config.mean` and `config.std`; any size from 29 pixels a side on will do. The
    classes are those of the training: there are no words (`classes` says how many). Of the results in
    `TAPS`, "logits" are on the grid of stage 1, "scores" the same at the size of the image.
    """

    TAPS = (*MixTransformer.TAPS, "fused", "logits", "scores")

    def __init__(self, config: SegFormerConfig):
        super().__init__()
        self.config = config
        self.classes = config.classes
        self.backbone = MixTransformer(config.backbone)
        self.head = AllMLPHead(config.backbone.widths, features=config.features)
        self.dropout = ChannelDropout(config.dropout)
        self.classifier = conv2d(config.features, config.classes, 1, bias=True)

    def deviation(self, parameter: Parameter) -> float:
        """That of the initial weights of the head, as in mmsegmentation."""
        return CLASSIFIER_DEVIATION if parameter.name.startswith("classifier.") else kaiming(parameter)

    def __call__(self, image):
        self.check(image.shape)
        return super().__call__(image)

    def check(self, image: tuple[int, ...]) -> None:
        """Raise `UserError` unless the network takes an image of this shape."""
        self.backbone.check(image)

    def stages(self, image):
        """The results named in `TAPS`."""
        maps = self.backbone.stages(image)
        fused = self.head(maps)
        logits = self.classifier(self.dropout(fused))
        scores = bilinear(logits, (image.shape[2], image.shape[3]), align_corners=False)
        return (*maps, fused, logits, scores)

    def scores(self, image):
        """Scores (B, classes, h, w) on the grid of stage 1."""
        return self.stages(image)[-2]

    def construct(self, image):
        return self.stages(image)[-1]
