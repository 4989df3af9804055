"""The pre-norm transformer block that CLIP's towers and the plain ViT share."""

from mindspore import nn

from ms_ovs.nn.activation import activation as make_activation
from ms_ovs.nn.attention import SelfAttention
from ms_ovs.nn.layers import Linear
from ms_ovs.nn.norm import LayerNorm


class MLP(nn.Cell):
    """width → 4 width → width."""

    def __init__(self, *, width: int, activation: str):
        super().__init__()
        self.fc1 = Linear(width, 4 * width)
        self.act = make_activation(activation)
        self.fc2 = Linear(4 * width, width)

    def construct(self, x):
        return self.fc2(self.act(self.fc1(x)))


class Block(nn.Cell):
    """x += attention(norm(x)); x += mlp(norm(x)). (B, N, width) → (B, N, width)."""

    def __init__(self, *, width: int, heads: int, activation: str, norm_epsilon: float):
        super().__init__()
        self.ln_1 = LayerNorm(width, epsilon=norm_epsilon)
        self.attn = SelfAttention(width=width, heads=heads)
        self.ln_2 = LayerNorm(width, epsilon=norm_epsilon)
        self.mlp = MLP(width=width, activation=activation)

    def construct(self, x, mask=None):
        x = x + self.attn(self.ln_1(x), mask)
        return x + self.mlp(self.ln_2(x))
