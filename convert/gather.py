"""Several files of one network, as MaskCLIP's authors write them: tower, projections, class embeddings."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from convert.readers import Source, read
from convert.tables.maskclip import TEXT_EMBEDDINGS
from convert.tensors import Entry
from ms_ovs.errors import UserError

TOWER, TOWER_IN_WEIGHTS = "backbone.", "clip."  # how the image tower is called in the one file and the other

HEAD = "decode_head."  # where a whole network has its projections


def read_parts(path: Path, others: Sequence[Path]) -> tuple[Source, dict[str, Entry]]:
    """The first file, and the tensors of all; a file of a single tensor holds the class embeddings.

    A tensor may be in several files, as the image tower is in …_clip_backbone.pth and …_clip_weights.pth.
    Raises `UserError` where it is not the same in both, and for files that cannot be read.
    """
    sources = [read(part, lone=TEXT_EMBEDDINGS) for part in (path, *others)]
    weights = any(name.startswith(TOWER_IN_WEIGHTS) for source in sources for name in source.tensors)
    found: dict[str, tuple[Source, Entry]] = {}
    for source in sources:
        for name, entry in _called_alike(source.tensors, weights).items():
            first, known = found.setdefault(name, (source, entry))
            if known is not entry and not _same(known, entry):
                raise UserError(
                    f"{source.path}: tensor {name!r} is another one than in {first.path}: "
                    "give files that were made from one CLIP"
                )
    if any(name.startswith(TOWER) for name in found) and not any(name.startswith(HEAD) for name in found):
        raise UserError(
            f"{path}: an image tower without the projections to the words: "
            "add the authors' …_clip_weights.pth by --with"
        )
    return sources[0], {name: entry for name, (_, entry) in found.items()}


def _called_alike(tensors: Mapping[str, Entry], weights: bool) -> dict[str, Entry]:
    if not weights:
        return dict(tensors)
    return {
        TOWER_IN_WEIGHTS + name.removeprefix(TOWER) if name.startswith(TOWER) else name: entry
        for name, entry in tensors.items()
    }


def _same(one: Entry, other: Entry) -> bool:
    if (one.dtype, one.shape) != (other.dtype, other.shape):
        return False
    return one.read().tobytes() == other.read().tobytes()
