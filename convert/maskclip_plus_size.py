"""Which size of MaskCLIP+ a set of tensors belongs to, by our names."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from convert import dense_variants, maskclip_size
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip_plus.variants import (
    DEEPLAB_V2,
    DEEPLAB_V3_PLUS,
    SEGFORMER,
    VARIANTS,
    MaskCLIPPlusConfig,
)

Shapes = Mapping[str, tuple[int, ...]]
# a tensor that one kind of head alone has
_HEADS = {
    "head.decode.fusion.weight": SEGFORMER,
    "head.decode.branches.1.conv.weight": DEEPLAB_V2,
    "head.decode.join.conv.weight": DEEPLAB_V3_PLUS,
}


def candidates(shapes: Shapes, options: Mapping[str, Any]) -> dict[str, MaskCLIPPlusConfig]:
    """The published sizes, and the one that the shapes tell if they are whole, with these words.

    Raises `UserError` where there are no words, or they are of another width than the teacher's features.
    """
    if not shapes.get("text_embeddings"):
        raise UserError(
            "there are no class embeddings (decode_head.text_embeddings), which a student learnt with: give "
            "a whole checkpoint of MaskCLIP+"
        )
    fields = {
        "classes": shapes["text_embeddings"][0],
        "background": "head.background" in shapes,
    }
    found = {name: dataclasses.replace(config, **fields) for name, config in VARIANTS.items()}
    custom = _read(shapes, fields)
    if custom is not None and custom not in found.values():
        found["custom"] = custom
    return {name: dataclasses.replace(config, **options) for name, config in found.items()}


def _read(shapes: Shapes, fields: Mapping[str, Any]) -> MaskCLIPPlusConfig | None:
    """The size that the shapes tell, or None where something essential is missing or misshapen."""
    head = next((kind for name, kind in _HEADS.items() if name in shapes), None)
    backbone = _under("backbone.", shapes)
    kinds = dense_variants.mits if head == SEGFORMER else dense_variants.resnets
    backbones = kinds(backbone, {})
    student = _fitting(backbones, backbone)
    if head is None or student is None:
        return None
    teachers = _teachers(shapes)
    if "custom" not in teachers:
        return None
    teacher = dataclasses.replace(teachers["custom"], classes=None)
    # what shapes do not tell is that of a published teacher, where it is one
    same = (config.teacher for config in VARIANTS.values() if _sizes(config.teacher) == _sizes(teacher))
    return MaskCLIPPlusConfig(backbone=student, head=head, teacher=next(same, teacher), **fields)


def _teachers(shapes: Shapes):
    teacher = _under("teacher.", shapes)
    return maskclip_size.candidates({**teacher, "text_embeddings": shapes["text_embeddings"]})


def _fitting(backbones: Mapping[str, Any], shapes: Shapes) -> Any:
    """The backbone whose tensors these are."""
    from convert import variants  # which knows all kinds, this one too

    return next((config for config in backbones.values() if variants.expected(config) == dict(shapes)), None)


def _sizes(teacher: Any) -> tuple:
    names = ("embed_dim", "vision_layers", "vision_width", "vision_patch_size", "vision_heads")
    return tuple(getattr(teacher, name) for name in names)


def _under(prefix: str, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    return {name.removeprefix(prefix): shape for name, shape in shapes.items() if name.startswith(prefix)}
