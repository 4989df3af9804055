"""MaskCLIP+: a student with its frozen teacher, by the names of the authors' checkpoints (mmsegmentation)."""

from collections.abc import Iterable

from convert.hooks import MATRIX_OF_CONV
from convert.rules import Rule, Table, carry, rule
from convert.tables import heads, maskclip, mit, resnet

_HEAD, _DECODE = "decode_head.", "decode_head.decode_module."
_OURS = "head.decode."


def _teachers(rules: Iterable[Rule]) -> list[Rule]:
    """MaskCLIP's rules, for the MaskCLIP inside."""
    return [
        made if made.carried else Rule(made.sources, tuple(f"teacher.{t}" for t in made.targets), made.hook)
        for made in rules
    ]


_COMMON = [
    *mit.mmsegmentation("backbone.", "backbone."),
    *resnet.openmmlab("backbone.", "backbone."),
    *_teachers(maskclip.vision_transformer(f"{_HEAD}clip.")),
    *_teachers(maskclip.vit_projection(_HEAD, MATRIX_OF_CONV)),
    *_teachers(maskclip.resnet(f"{_HEAD}clip.")),
    *_teachers(maskclip.resnet_projections(_HEAD, MATRIX_OF_CONV)),
    rule(f"{_HEAD}text_embeddings", "text_embeddings"),
    rule(f"{_HEAD}bg_embeddings", "head.background"),
    # their count of forwards begins anew in every run; their decode module's own classifier is never asked
    carry(f"{_HEAD}_iter_counter"),
    carry(f"{_DECODE}conv_seg.{{*}}"),
    # class weights come from a whole CLIP, which is a file of its own here
    carry(f"{_HEAD}clip_model.{{*}}"),
    carry(f"{_HEAD}logit_scale"),
]

# Two tables, because `aspp_modules.0` is a branch of either DeepLab.
TABLES = (
    Table(
        "maskclip_plus",
        "mmseg",
        [*_COMMON, *heads.all_mlp(_DECODE, _OURS), *heads.deeplab_v2(_DECODE, _OURS)],
    ),
    Table("maskclip_plus", "mmseg", [*_COMMON, *heads.deeplab_v3_plus(_DECODE, _OURS)]),
)
