"""Mix Transformers: NVIDIA's own files, and mmsegmentation's names (its `mit2mmseg`)."""

from convert.hooks import QUERY, QUERY_PIXELWISE
from convert.rules import Rule, Table, carry
from convert.tables.parts import conv, norm, pixelwise

STAGES = (1, 2, 3, 4)


def mmsegmentation(source: str = "", target: str = "") -> list[Rule]:
    """The rules by mmsegmentation's names; `source` and `target` are prefixes, dot included."""
    return [
        part
        for stage in STAGES
        for part in _mmsegmentation(f"{source}layers.{stage - 1}", f"{target}stage{stage}")
    ]


def _mmsegmentation(stage: str, target: str) -> list[Rule]:
    block, ours = f"{stage}.1.{{}}", f"{target}.blocks.{{}}"
    fused, query, rest = f"{block}.attn.attn.in_proj", f"{ours}.attn.q", f"{ours}.attn.kv"
    return [
        *conv(f"{stage}.0.projection", f"{target}.embedding.conv"),
        *norm(f"{stage}.0.norm", f"{target}.embedding.norm"),
        *norm(f"{block}.norm1", f"{ours}.norm1"),
        Rule((f"{fused}_weight",), (f"{query}.weight", f"{rest}.weight"), QUERY_PIXELWISE),
        Rule((f"{fused}_bias",), (f"{query}.bias", f"{rest}.bias"), QUERY),
        *pixelwise(f"{block}.attn.attn.out_proj", f"{ours}.attn.proj"),
        *conv(f"{block}.attn.sr", f"{ours}.attn.reduce"),
        *norm(f"{block}.attn.norm", f"{ours}.attn.norm"),
        *norm(f"{block}.norm2", f"{ours}.norm2"),
        *conv(f"{block}.ffn.layers.0", f"{ours}.ffn.fc1"),
        *conv(f"{block}.ffn.layers.1", f"{ours}.ffn.dwconv"),
        *conv(f"{block}.ffn.layers.4", f"{ours}.ffn.fc2"),
        *norm(f"{stage}.2", f"{target}.norm"),
    ]


def _nvidia(stage: int) -> list[Rule]:
    target, block = f"stage{stage}", f"block{stage}.{{}}"
    ours = f"{target}.blocks.{{}}"
    return [
        *conv(f"patch_embed{stage}.proj", f"{target}.embedding.conv"),
        *norm(f"patch_embed{stage}.norm", f"{target}.embedding.norm"),
        *norm(f"{block}.norm1", f"{ours}.norm1"),
        *pixelwise(f"{block}.attn.q", f"{ours}.attn.q"),
        *pixelwise(f"{block}.attn.kv", f"{ours}.attn.kv"),
        *pixelwise(f"{block}.attn.proj", f"{ours}.attn.proj"),
        *conv(f"{block}.attn.sr", f"{ours}.attn.reduce"),
        *norm(f"{block}.attn.norm", f"{ours}.attn.norm"),
        *norm(f"{block}.norm2", f"{ours}.norm2"),
        *pixelwise(f"{block}.mlp.fc1", f"{ours}.ffn.fc1"),
        *conv(f"{block}.mlp.dwconv.dwconv", f"{ours}.ffn.dwconv"),
        *pixelwise(f"{block}.mlp.fc2", f"{ours}.ffn.fc2"),
        *norm(f"norm{stage}", f"{target}.norm"),
    ]


NVIDIA = Table(
    "mit",
    "nvidia",
    # nobody asks for ImageNet's classes
    [*(part for stage in STAGES for part in _nvidia(stage)), carry("head.{*}")],
)
MMSEGMENTATION = Table("mit", "mmsegmentation", mmsegmentation())
