"""LSeg (isl-org/lang-seg): names after the `net.` of its Lightning files.

ViT networks are timm's under `pretrained.model`; the ResNet-101 one is torchvision's, cut into stages.
"""

from convert.rules import Rule, Table, carry, rule
from convert.tables.clip import ARCHIVE_SCALARS, LOGIT_SCALE, TEXT
from convert.tables.parts import batch_norm, bottlenecks, conv, linear, norm

# Of the CLIP inside only the text half works; logit_scale is a constant of the network instead.
CLIP = [
    *(part.under("clip_pretrained.") for part in [*TEXT, *ARCHIVE_SCALARS]),
    carry("clip_pretrained.visual.{*}"),
    carry(f"clip_pretrained.{LOGIT_SCALE.sources[0]}"),
]

VIT = [
    rule("pretrained.model.cls_token", "image.class_token"),
    rule("pretrained.model.pos_embed", "image.position_embedding"),
    *conv("pretrained.model.patch_embed.proj", "image.patch_embedding"),
    *norm("pretrained.model.blocks.{}.norm1", "image.blocks.{}.ln_1"),
    *linear("pretrained.model.blocks.{}.attn.qkv", "image.blocks.{}.attn.qkv"),
    *linear("pretrained.model.blocks.{}.attn.proj", "image.blocks.{}.attn.proj"),
    *norm("pretrained.model.blocks.{}.norm2", "image.blocks.{}.ln_2"),
    *linear("pretrained.model.blocks.{}.mlp.fc1", "image.blocks.{}.mlp.fc1"),
    *linear("pretrained.model.blocks.{}.mlp.fc2", "image.blocks.{}.mlp.fc2"),
    # The taps come before the last norm, and nobody asks for ImageNet's classes.
    carry("pretrained.model.norm.{*}"),
    carry("pretrained.model.head.{*}"),
    *linear("pretrained.act_postprocess{}.0.project.0", "reassemble{}.readout"),
    *conv("pretrained.act_postprocess{}.3", "reassemble{}.project"),
    *conv("pretrained.act_postprocess{}.4", "reassemble{}.resample"),
]

RESNET = [
    rule("pretrained.layer1.0.weight", "image.conv1.weight"),
    *batch_norm("pretrained.layer1.1", "image.bn1"),
    *bottlenecks("pretrained.layer1.4.{}", "image.layer1.{}"),
    *(part for n in (2, 3, 4) for part in bottlenecks(f"pretrained.layer{n}.{{}}", f"image.layer{n}.{{}}")),
]


def _fusion(n: int, m: int) -> list[Rule]:
    source, target = f"scratch.refinenet{n}.resConfUnit{m}", f"decoder.fusion{n}.unit{m}"
    return [
        rule(f"{source}.conv{{}}.weight", f"{target}.conv{{}}.weight"),
        *batch_norm(f"{source}.bn{{}}", f"{target}.bn{{}}"),
    ]


DECODER = [
    rule("scratch.layer{}_rn.weight", "decoder.reduce{}.weight"),
    *(part for n in (1, 2, 3, 4) for m in (1, 2) if (n, m) != (4, 1) for part in _fusion(n, m)),
    # The deepest fusion has one input only, so its first unit never runs.
    carry("scratch.refinenet4.resConfUnit1.{*}"),
    *conv("scratch.refinenet{}.out_conv", "decoder.fusion{}.out_conv"),
    *conv("scratch.head1", "head"),
    *conv("scratch.head_block.depthwise.depthwise", "head_block.conv"),
]

TABLE = Table("lseg", "lseg", [*CLIP, *VIT, *RESNET, *DECODER])
