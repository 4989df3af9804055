"""SegFormer in mmsegmentation: its own backbone and head (not NVIDIA's head, which is another)."""

from convert.rules import Table
from convert.tables import heads, mit
from convert.tables.parts import conv

TABLE = Table(
    "segformer",
    "mmsegmentation",
    [
        *mit.mmsegmentation("backbone.", "backbone."),
        *heads.all_mlp("decode_head.", "head."),
        *conv("decode_head.conv_seg", "classifier"),
    ],
)
