"""CLIP's text tower (paper, section 2.4)."""

import mindspore as ms
import numpy as np
from mindspore import Parameter, Tensor, nn, ops

from ms_ovs.clip.variants import TextConfig
from ms_ovs.nn.norm import LayerNorm
from ms_ovs.nn.transformer import Block


class TextTower(nn.Cell):
    """Token ids int32 (N, L) → features float32 (N, embed_dim), not normalised.

    The tower is causal and reads its answer at the end-of-text token, so positions behind the
    longest text change nothing: L may be anything up to the context length.
    """

    TAPS = ("text_block_0", "text_block_last", "text_features")

    def __init__(self, config: TextConfig):
        super().__init__()
        width = config.width
        self.config = config
        self.token_embedding = Parameter(np.zeros((config.vocab_size, width), np.float32))
        self.positional_embedding = Parameter(np.zeros((config.context_length, width), np.float32))
        self.blocks = nn.CellList(
            [
                Block(
                    width=width,
                    heads=config.heads,
                    activation=config.activation,
                    norm_epsilon=config.norm_epsilon,
                )
                for _ in range(config.layers)
            ]
        )
        self.ln_final = LayerNorm(width, epsilon=config.norm_epsilon)
        self.projection = Parameter(np.zeros((width, config.embed_dim), np.float32))
        hidden = np.full((config.context_length, config.context_length), -np.inf, np.float32)
        self.causal_mask = Tensor(np.triu(hidden, 1))
        self.end_of_text = ops.Argmax(axis=-1)

    def stages(self, tokens):
        """The results named in `TAPS`; blocks are (N, L, width)."""
        count, length = tokens.shape
        x = ops.gather(self.token_embedding, tokens, 0) + self.positional_embedding[:length]
        mask = self.causal_mask[:length, :length]
        x = self.blocks[0](x, mask)
        first = x
        for block in self.blocks[1:]:
            x = block(x, mask)
        # the largest id is the end of text; ids are exact in float32
        end = self.end_of_text(tokens.astype(ms.float32))
        row = ops.arange(0, count * length, length).astype(ms.int32) + end
        sentences = ops.gather(self.ln_final(x).reshape(count * length, -1), row, 0)
        return first, x, ops.matmul(sentences, self.projection)

    def construct(self, tokens):
        return self.stages(tokens)[-1]

    def encode(self, tokens: np.ndarray) -> np.ndarray:
        """`construct` for NumPy arrays: int32 (N, L) → float32 (N, embed_dim)."""
        return self(Tensor(tokens)).asnumpy()
