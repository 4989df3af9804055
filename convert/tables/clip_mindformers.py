"""CLIP in mindformers 1.3 (ViT sizes only): OpenAI's names, with MindSpore's for norms and embeddings.

Written from its naming; loading such a file there was not tried (it does not import with MindSpore ≥ 2.7).
"""

from convert.rules import Table
from convert.tables.clip import LOGIT_SCALE, text_tower, vision_transformer

_NORM = ("gamma", "beta")

TABLE = Table(
    "clip",
    "mindformers",
    [
        LOGIT_SCALE,
        *text_tower("embedding_table", _NORM, "."),
        *vision_transformer(_NORM, "."),
    ],
)
