"""CLIPModel of Hugging Face's transformers: the names in CLIP files from the Hub (ViT sizes only).

Its q, k and v are separate layers and its two projections are linear layers, so transposed to OpenAI's.
"""

from convert.hooks import JOIN, JOIN_TRANSPOSED, TRANSPOSE
from convert.rules import Rule, Table, carry, rule
from convert.tables.parts import linear, norm


def _encoder(source: str, target: str) -> list[Rule]:
    qkv = [
        Rule(
            tuple(f"{source}.self_attn.{letter}_proj.{name}" for letter in "qkv"),
            (f"{target}.attn.qkv.{name}",),
            hook,
        )
        for name, hook in (("weight", JOIN_TRANSPOSED), ("bias", JOIN))
    ]
    return [
        *norm(f"{source}.layer_norm1", f"{target}.ln_1"),
        *qkv,
        *linear(f"{source}.self_attn.out_proj", f"{target}.attn.proj"),
        *norm(f"{source}.layer_norm2", f"{target}.ln_2"),
        *linear(f"{source}.mlp.fc1", f"{target}.mlp.fc1"),
        *linear(f"{source}.mlp.fc2", f"{target}.mlp.fc2"),
    ]


TABLE = Table(
    "clip",
    "transformers",
    [
        rule("logit_scale", "logit_scale"),
        rule("text_model.embeddings.token_embedding.weight", "text.token_embedding"),
        rule("text_model.embeddings.position_embedding.weight", "text.positional_embedding"),
        *_encoder("text_model.encoder.layers.{}", "text.blocks.{}"),
        *norm("text_model.final_layer_norm", "text.ln_final"),
        rule("text_projection.weight", "text.projection", TRANSPOSE),
        rule("vision_model.embeddings.class_embedding", "image.class_embedding"),
        rule("vision_model.embeddings.position_embedding.weight", "image.positional_embedding"),
        rule("vision_model.embeddings.patch_embedding.weight", "image.patch_embedding.weight"),
        *norm("vision_model.pre_layrnorm", "image.ln_pre"),  # spelled so there
        *_encoder("vision_model.encoder.layers.{}", "image.blocks.{}"),
        *norm("vision_model.post_layernorm", "image.ln_post"),
        rule("visual_projection.weight", "image.projection", TRANSPOSE),
        # Index buffers that older releases saved.
        carry("text_model.embeddings.position_ids"),
        carry("vision_model.embeddings.position_ids"),
    ],
)
