"""Cases of LSeg's readers: what becomes of a photograph and its annotation on the way to the network."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import numpy as np
from pydantic import BaseModel, Field, PositiveInt

from ms_ovs.data.fewshot import PASCAL_BORDER, PASCAL_CLASSES, one_class
from ms_ovs.data.ids import IdRule
from ms_ovs.data.transforms import (
    HALF,
    IGNORE,
    IMAGENET_MEAN,
    IMAGENET_STD,
    CentreCrop,
    RandomCrop,
    Squeezed,
)
from ms_ovs.errors import UserError
from ms_ovs.parity import schema
from ms_ovs.parity.case import Case

CLASSES = 150  # of ADE20K, whose annotations are 0 = unlabelled, n + 1 = class n
FEW_SHOT_CLASS = 6  # as the case's description of fewshot.mask says
NORMALISATIONS = {"image_imagenet": (IMAGENET_MEAN, IMAGENET_STD), "image_half": (HALF, HALF)}


class Labels(schema.Input):
    """Numbers of labels (H, W)."""

    kind: Annotated[str, Field(pattern="^labels$")]
    shape: tuple[PositiveInt, PositiveInt]
    high: PositiveInt


class Inputs(BaseModel):
    """The two photographs and their annotations."""

    photo: schema.Photo = Field(alias="input:photo")
    photo_mask: Labels = Field(alias="input:photo_mask")
    fs_photo: schema.Photo = Field(alias="input:fs_photo")
    fs_labels: Labels = Field(alias="input:fs_labels")


class IntegerDraw(BaseModel):
    """A whole number that was drawn, and its limits."""

    low: int
    high_inclusive: int
    value: int


class Draws(BaseModel):
    """What chance gave to one crop."""

    mirror_draw: float
    integer_draws: list[IntegerDraw]


class TransformsCase(schema.Case):
    """`lseg/transforms`"""

    inputs: Inputs
    draws: dict[str, Draws]


class Recorded:
    """Draws as they were recorded; `UserError` where others are asked for."""

    def __init__(self, draws: Mapping):
        """`draws` is an entry of a case's `draws`."""
        self._mirror = draws["mirror_draw"]
        self._integers: Iterator[Mapping] = iter(draws["integer_draws"])

    def random(self) -> float:
        """The draw that decides about mirroring."""
        return self._mirror

    def integers(self, low: int, high: int, *, endpoint: bool) -> int:
        """The next whole number, which must have been drawn within the same limits."""
        draw = next(self._integers, None)
        if draw is None or (low, high) != (draw["low"], draw["high_inclusive"]):
            raise UserError(f"the transform draws from {low} to {high}, the case recorded {draw}")
        if not low <= draw["value"] <= high:
            raise UserError(f"the case recorded a draw beyond its limits: {draw}")
        return draw["value"]


def transforms(case: Case) -> Mapping[str, np.ndarray]:
    """Validation, training with the recorded draws, and the few-shot resize."""
    photo = case.input("input:photo")
    annotation = case.input("input:photo_mask").astype(np.uint8)
    target = IdRule(CLASSES, offset=1, ignore=[0])(annotation, "input:photo_mask")
    ours = dict(zip(("val.image", "val.target"), CentreCrop()(photo, target), strict=True))
    for name, draws in case.spec["draws"].items():
        sample = RandomCrop()(photo, target, Recorded(draws))
        ours |= zip((f"{name}.image", f"{name}.target"), sample, strict=True)
    return ours | _few_shot(case)


def _few_shot(case: Case) -> dict[str, np.ndarray]:
    labels, photo = case.input("input:fs_labels"), case.input("input:fs_photo")
    stored = np.where(labels > PASCAL_CLASSES, PASCAL_BORDER, labels)
    target = one_class(stored, FEW_SHOT_CLASS, PASCAL_BORDER)
    ours = {}
    for output, (mean, std) in NORMALISATIONS.items():
        ours[output], squeezed = Squeezed(mean=mean, std=std)(photo, target)
    ours |= {"mask": squeezed == 1, "ignore": squeezed == IGNORE}
    return {f"fewshot.{output}": array.astype(np.float32) for output, array in ours.items()}
