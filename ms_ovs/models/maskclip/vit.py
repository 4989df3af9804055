"""CLIP's vision transformer as a dense tower (MaskCLIP, section 3.2; design 2.1)."""

from mindspore import ops

from ms_ovs.clip.vit import CLIPVisionTransformer
from ms_ovs.nn.resize import bicubic


class DenseVisionTransformer(CLIPVisionTransformer):
    """(B, 3, H, W) of any size → features (B, h w, embed_dim) and keys (B, h w, width) of every patch.

    h and w are H and W divided by the patch size, rounded up: the image is padded with zeros at the right
    and below. In the last block no token looks at another: its attention is the value path alone.
    """

    TAPS = ("pos_embed", "last_x", "last_v", "last_k")

    def __init__(self, *, resolution: int, patch_size: int, **sizes):
        super().__init__(resolution=resolution, patch_size=patch_size, **sizes)
        self.trained_grid = resolution // patch_size

    def grid(self, height: int, width: int) -> tuple[int, int]:
        """Rows and columns of patches in an image of this size."""
        patch = self.patch_embedding.patch_size
        return -(-height // patch), -(-width // patch)

    def stages(self, image):
        """The results named in `TAPS`, maps NCHW; features; keys."""
        position, x = self.residual(image)
        values, keys = self.opened(x)
        size = self.grid(image.shape[2], image.shape[3])
        last_x = _as_map(self.ln_post(self.blocks[-1](x))[:, 1:], size)
        return (position, last_x, _as_map(values, size), keys), ops.matmul(values, self.projection), keys

    def construct(self, image):
        values, keys = self.opened(self.residual(image)[1])
        return ops.matmul(values, self.projection), keys

    def residual(self, image):
        """Position embedding (1, 1 + h w, width), and what enters the last block, class token first."""
        height, width = image.shape[2:]
        rows, columns = self.grid(height, width)
        patch = self.patch_embedding.patch_size
        image = _padded(image, rows * patch - height, columns * patch - width)
        position = self.resized_position_embedding(rows, columns)
        class_token = ops.tile(self.class_embedding.reshape(1, 1, -1), (image.shape[0], 1, 1))
        x = self.ln_pre(ops.concat((class_token, self.patch_embedding(image)), 1) + position)
        for block in self.blocks[:-1]:
            x = block(x)
        return position, x

    def opened(self, x):
        """The last block without its mixing of tokens: values and keys (B, h w, width), no class token.

        The output projection is applied to both; values keep the residual, the MLP and the last norm.
        """
        block, width = self.blocks[-1], x.shape[-1]
        qkv = block.attn.qkv(block.ln_1(x))
        keys = block.attn.proj(qkv[:, 1:, width : 2 * width])
        values = x[:, 1:] + block.attn.proj(qkv[:, 1:, 2 * width :])
        values = values + block.mlp(block.ln_2(values))
        return self.ln_post(values), keys

    def resized_position_embedding(self, rows: int, columns: int):
        """The position embedding for a grid of this size; for as many patches as in training, as it is."""
        trained, width = self.positional_embedding.shape
        embedding = self.positional_embedding
        if rows * columns != trained - 1:
            side = self.trained_grid
            patches = bicubic(embedding[1:].reshape(side, side, width), (rows, columns))
            embedding = ops.concat((embedding[:1], patches.reshape(rows * columns, width)), 0)
        return ops.expand_dims(embedding, 0)


def _padded(image, below: int, right: int):
    """(B, C, H, W) with rows and columns of zeros added; `ops.pad` has a wrong gradient on the CPU."""
    batch, channels, height, width = image.shape
    if below:
        image = ops.concat((image, ops.zeros((batch, channels, below, width), image.dtype)), 2)
    if right:
        image = ops.concat((image, ops.zeros((batch, channels, height + below, right), image.dtype)), 3)
    return image


def _as_map(tokens, size: tuple[int, int]):
    """(B, h w, C) → (B, C, h, w)."""
    return ops.transpose(tokens, (0, 2, 1)).reshape(tokens.shape[0], tokens.shape[2], *size)
