"""The conversion tables, one file a naming."""

from convert.tables import (
    clip,
    clip_mindformers,
    clip_transformers,
    lseg,
    maskclip,
    maskclip_plus,
    mit,
    resnet,
    segformer,
)

TABLES = (
    clip.VIT_TABLE,
    clip.RESNET_TABLE,
    clip_transformers.TABLE,
    clip_mindformers.TABLE,
    lseg.TABLE,
    segformer.TABLE,
    mit.NVIDIA,
    mit.MMSEGMENTATION,
    resnet.OPENMMLAB,
    resnet.TORCHVISION,
    *maskclip.TABLES,
    *maskclip_plus.TABLES,
)
