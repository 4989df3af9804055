"""CLIP's ResNet as a dense tower (MaskCLIP, section 3.2; design 2.2)."""

from ms_ovs.clip.resnet import CLIPResNetMaps, PoolProjections, cells_of, with_mean
from ms_ovs.nn.bottleneck import EXPANSION


class DenseResNet(CLIPResNetMaps):
    """(B, 3, H, W) of any size → features (B, h w, embed_dim) and keys (B, h w, 32 width) of every place.

    The attention pool is opened: values are projected place by place, and its position embedding is
    dropped. With `attn_pooling` it stays closed: every place looks at all, and at their mean.
    """

    TAPS = ("stem_layer1", "layer4")

    def __init__(
        self,
        *,
        width: int,
        layers: tuple[int, int, int, int],
        heads: int,
        embed_dim: int,
        attn_pooling: bool,
    ):
        super().__init__(width=width, layers=layers)
        self.attnpool = PoolProjections(width=EXPANSION * 8 * width, heads=heads, outputs=embed_dim)
        self.attn_pooling = attn_pooling

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of places in an image of this size."""
        # the first convolution rounds up, the four pools round down
        return (height + 1) // 2 // 16, (width + 1) // 2 // 16

    def stages(self, image):
        """The results named in `TAPS`, maps NCHW; features; keys."""
        _, layer1, _, _, layer4 = self.maps(image)
        cells = cells_of(layer4)
        return (layer1, layer4), self._features(cells), self.attnpool.k_proj(cells)

    def construct(self, image):
        _, features, keys = self.stages(image)
        return features, keys

    def _features(self, cells):
        if self.attn_pooling:
            tokens = with_mean(cells)
            return self.attnpool.attend(tokens, tokens)[:, 1:]
        return self.attnpool.c_proj(self.attnpool.v_proj(cells))
