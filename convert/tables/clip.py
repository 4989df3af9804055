"""OpenAI's CLIP (openai/CLIP, clip/model.py): names of its state dict and of its TorchScript archives.

Two tables, because `visual.conv1.weight` is a ViT's patch embedding or a ResNet's first convolution.
Layouts are torch's, which are ours but for linear layers.
"""

from convert.rules import Rule, Table, carry, rule
from convert.tables.parts import TORCH_NORM, Names, batch_norm, bottlenecks, linear, norm


def residual_blocks(
    source: str, target: str, norm_names: Names = TORCH_NORM, in_proj: str = "_"
) -> list[Rule]:
    """A stack of residual attention blocks; `in_proj` stands between that layer and its weight."""
    return [
        *norm(f"{source}.ln_1", f"{target}.ln_1", norm_names),
        *linear(f"{source}.attn.in_proj", f"{target}.attn.qkv", in_proj),
        *linear(f"{source}.attn.out_proj", f"{target}.attn.proj"),
        *norm(f"{source}.ln_2", f"{target}.ln_2", norm_names),
        *linear(f"{source}.mlp.c_fc", f"{target}.mlp.fc1"),
        *linear(f"{source}.mlp.c_proj", f"{target}.mlp.fc2"),
    ]


def text_tower(embedding: str = "weight", norm_names: Names = TORCH_NORM, in_proj: str = "_") -> list[Rule]:
    """The text half, without logit_scale."""
    return [
        rule(f"token_embedding.{embedding}", "text.token_embedding"),
        rule("positional_embedding", "text.positional_embedding"),
        *residual_blocks("transformer.resblocks.{}", "text.blocks.{}", norm_names, in_proj),
        *norm("ln_final", "text.ln_final", norm_names),
        rule("text_projection", "text.projection"),
    ]


def vision_transformer(norm_names: Names = TORCH_NORM, in_proj: str = "_") -> list[Rule]:
    """The image half of the ViT sizes."""
    return [
        rule("visual.class_embedding", "image.class_embedding"),
        rule("visual.positional_embedding", "image.positional_embedding"),
        rule("visual.conv1.weight", "image.patch_embedding.weight"),
        *norm("visual.ln_pre", "image.ln_pre", norm_names),
        *residual_blocks("visual.transformer.resblocks.{}", "image.blocks.{}", norm_names, in_proj),
        *norm("visual.ln_post", "image.ln_post", norm_names),
        rule("visual.proj", "image.projection"),
    ]


RESNET = [
    rule("visual.conv{}.weight", "image.conv{}.weight"),
    *batch_norm("visual.bn{}", "image.bn{}"),
    *bottlenecks("visual.layer{}.{}", "image.layer{}.{}"),
    rule("visual.attnpool.positional_embedding", "image.attnpool.positional_embedding"),
    *(
        part
        for letter in "qkvc"
        for part in linear(f"visual.attnpool.{letter}_proj", f"image.attnpool.{letter}_proj")
    ),
]

# Integer scalars that the archives keep beside the weights.
ARCHIVE_SCALARS = [carry("input_resolution"), carry("context_length"), carry("vocab_size")]

TEXT = text_tower()
LOGIT_SCALE = rule("logit_scale", "logit_scale")

VIT_TABLE = Table("clip", "openai", [LOGIT_SCALE, *TEXT, *vision_transformer(), *ARCHIVE_SCALARS])
RESNET_TABLE = Table("clip", "openai", [LOGIT_SCALE, *TEXT, *RESNET, *ARCHIVE_SCALARS])
