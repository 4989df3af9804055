"""One adapter a kind of case: `Case` → {output: full array}, computed by our code."""

from ms_ovs.parity.adapters import clip, lseg

ADAPTERS = {
    "clip/network": clip.network,
    "clip/preprocess": clip.preprocessing,
    "clip/tokenizer": clip.tokenizer,
    "lseg/network": lseg.network,
    "lseg/zero_shot": lseg.zero_shot,
}
