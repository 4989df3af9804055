"""Whose checkpoint is this? Told from the names of its tensors."""

from collections import Counter
from collections.abc import Collection

from convert.rules import Table
from convert.tables import TABLES
from ms_ovs.errors import UserError, choose

SYSTEMS = tuple(dict.fromkeys(table.system for table in TABLES))
PREFIXES = ("net.", "module.")  # Lightning's attribute in LSeg's files; torch's DataParallel

# Part of a name → who writes such names. Only for an error that helps.
_STRANGERS = {
    "text.blocks.": "an ms_ovs file, already converted (--reverse leads back)",
    "sem_seg_head.": "a detectron2 model such as Mask2Former",
    "decode_head.": "an MMSegmentation model",
    "mask_decoder.": "Segment Anything",
    "scratch.refinenet": "a DPT or MiDaS depth network",
    "blocks.0.norm1.": "a timm vision transformer",
    "layer1.0.conv1.": "a torchvision ResNet",
}


def prefix_of(names: Collection[str]) -> str:
    """The prefix that most names share, if it is one of those a training program puts in front."""
    return next((p for p in PREFIXES if 2 * sum(name.startswith(p) for name in names) > len(names)), "")


def table_for(names: Collection[str], system: str) -> Table:
    """The table of `system` that takes most of the `names` (without prefix).

    Raises `UserError` when it takes less than half and the names are better known elsewhere.
    """
    choose("system", system, SYSTEMS)
    taken = Counter({k: sum(bool(table.matches(name)) for name in names) for k, table in enumerate(TABLES)})
    own = max((k for k in taken if TABLES[k].system == system), key=taken.get)
    best, count = taken.most_common(1)[0]
    if 2 * taken[own] >= len(names):
        return TABLES[own]
    if 2 * count >= len(names):
        found = TABLES[best]
        raise UserError(
            f"this looks like a {found.system} checkpoint ({found.naming} names), not {system}: "
            f"give --system {found.system}"
        )
    stranger = next((who for part, who in _STRANGERS.items() if any(part in name for name in names)), None)
    if stranger or not taken[own]:
        looks = f"looks like {stranger}" if stranger else f"has names such as {next(iter(names))!r}"
        raise UserError(
            f"this {looks}, not {system}: {taken[own]} of {len(names)} tensor names are known; "
            f"checkpoints of {', '.join(SYSTEMS)} can be converted"
        )
    return TABLES[own]


def tables_of(system: str, naming: str | None = None) -> list[Table]:
    """The tables of a system, of one naming where it is given. Raises `UserError` for an unknown naming."""
    namings = dict.fromkeys(table.naming for table in TABLES if table.system == system)
    if naming is not None:
        choose(f"naming of {system}", naming, namings)
    return [table for table in TABLES if table.system == system and naming in (None, table.naming)]
