"""Write the MaskCLIP that opens a CLIP trained here.

A published CLIP is converted by `python -m convert SOURCE TARGET --system maskclip`, which goes by shapes.
They do not tell all of a CLIP of one's own size; its file does. Images are normalised as this CLIP learnt.
"""

import sys
from pathlib import Path

from convert import read, safetensors
from convert.metadata import describe, origin
from convert.variants import config_of
from ms_ovs.models.checkpoint import identify
from ms_ovs.models.maskclip.variants import of_clip

UNUSED = ("logit_scale", "image.attnpool.positional_embedding")  # the pool is opened


def main(source: str, target: str, side: str) -> None:
    """From the CLIP `source` to the MaskCLIP `target`, which brings photographs to `side` pixels."""
    clip = read(source)
    found = identify(clip, system="clip")
    known = config_of(*found)
    own = {name: getattr(known, name) for name in ("activation", "norm_epsilon", "mean", "std")}
    config = of_clip(known, scale=(int(side), int(side)), **own)
    naming, prefix, dropped = origin(clip.metadata)
    metadata = describe(
        "custom", config, naming=naming, source_prefix=prefix, source_sha256=clip.sha256, dropped=dropped
    )
    tensors = {name: entry for name, entry in clip.tensors.items() if name not in UNUSED}
    safetensors.write(Path(target), tensors, metadata)


main(*sys.argv[1:])
