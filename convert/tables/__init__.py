"""The conversion tables, one file a naming."""

from convert.tables import clip, clip_mindformers, clip_transformers, lseg

TABLES = (clip.VIT_TABLE, clip.RESNET_TABLE, clip_transformers.TABLE, clip_mindformers.TABLE, lseg.TABLE)
