"""MaskCLIP: a whole CLIP by OpenAI's names, and the files that the authors' programs make of one.

Their image tower goes by `backbone.` in a network or `…_clip_backbone.pth`, by `clip.` in
`…_clip_weights.pth`, where the projections stand beside it. A text tensor has no name in its file; here
it is called `text_embeddings`.
"""

from convert.hooks import BATCH_OF_ONE, MATRIX_OF_CONV, ROW_OF_TOKENS, TRANSPOSE, Hook
from convert.rules import Rule, Table, carry, rule
from convert.tables import clip
from convert.tables.parts import batch_norm, linear, norm

TEXT_EMBEDDINGS = "text_embeddings"
_FIXED = rule(TEXT_EMBEDDINGS, TEXT_EMBEDDINGS)
# Of a CLIP: the temperature, and the position embedding of the attention pool that is opened.
_UNUSED = ("logit_scale", "visual.attnpool.positional_embedding")


def vision_transformer(under: str) -> list[Rule]:
    block, target = f"{under}layers.{{}}", "image.blocks.{}"
    return [
        rule(f"{under}cls_token", "image.class_embedding", ROW_OF_TOKENS),
        rule(f"{under}pos_embed", "image.positional_embedding", BATCH_OF_ONE),
        rule(f"{under}patch_embed.projection.weight", "image.patch_embedding.weight"),
        *norm(f"{under}ln0", "image.ln_pre"),
        *norm(f"{block}.ln1", f"{target}.ln_1"),
        *linear(f"{block}.attn.attn.in_proj", f"{target}.attn.qkv", "_"),
        *linear(f"{block}.attn.attn.out_proj", f"{target}.attn.proj"),
        *norm(f"{block}.ln2", f"{target}.ln_2"),
        *linear(f"{block}.ffn.layers.0.0", f"{target}.mlp.fc1"),
        *linear(f"{block}.ffn.layers.1", f"{target}.mlp.fc2"),
        *norm(f"{under}ln1", "image.ln_post"),
    ]


def resnet(under: str) -> list[Rule]:
    block, target = f"{under}layer{{}}.{{}}", "image.layer{}.{}"
    stem = [
        part
        for number, place in enumerate((0, 3, 6), 1)
        for part in (
            rule(f"{under}stem.{place}.weight", f"image.conv{number}.weight"),
            *batch_norm(f"{under}stem.{place + 1}", f"image.bn{number}"),
        )
    ]
    return [
        *stem,
        rule(f"{block}.conv{{}}.weight", f"{target}.conv{{}}.weight"),
        *batch_norm(f"{block}.bn{{}}", f"{target}.bn{{}}"),
        # their average pool stands at place 0
        rule(f"{block}.downsample.1.weight", f"{target}.downsample.conv.weight"),
        *batch_norm(f"{block}.downsample.2", f"{target}.downsample.bn"),
    ]


def vit_projection(under: str, hook: Hook) -> list[Rule]:
    return [rule(f"{under}proj.weight", "image.projection", hook)]


def resnet_projections(under: str, hook: Hook) -> list[Rule]:
    return [
        made
        for letter in "qkvc"
        for made in (
            rule(f"{under}{letter}_proj.weight", f"image.attnpool.{letter}_proj.weight", hook),
            rule(f"{under}{letter}_proj.bias", f"image.attnpool.{letter}_proj.bias"),
        )
    ]


def _opened(table: Table) -> Table:
    """A table of CLIP, for the CLIP that MaskCLIP opens."""
    used = [part for part in table.rules if part.sources[0] not in _UNUSED]
    return Table("maskclip", table.naming, [*used, *map(carry, _UNUSED), _FIXED])


_HEAD = rule(f"decode_head.{TEXT_EMBEDDINGS}", TEXT_EMBEDDINGS)
# Files with a part of a network: the way back leaves out what they have no place for.
TABLES = (
    _opened(clip.VIT_TABLE),
    _opened(clip.RESNET_TABLE),
    Table(
        "maskclip",
        "mmseg",
        [*vision_transformer("backbone."), *vit_projection("decode_head.", MATRIX_OF_CONV), _HEAD],
    ),
    Table(
        "maskclip",
        "mmseg",
        [*resnet("backbone."), *resnet_projections("decode_head.", MATRIX_OF_CONV), _HEAD],
    ),
    Table(
        "maskclip",
        "weights",
        [*vision_transformer("clip."), *vit_projection("", TRANSPOSE), _FIXED],
        partial=True,
    ),
    Table(
        "maskclip", "weights", [*resnet("clip."), *resnet_projections("", TRANSPOSE), _FIXED], partial=True
    ),
    Table("maskclip", "backbone", vision_transformer("backbone."), partial=True),
    Table("maskclip", "backbone", resnet("backbone."), partial=True),
    Table("maskclip", "text", [_FIXED], partial=True),
)
