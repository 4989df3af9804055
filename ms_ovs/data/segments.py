"""A panoptic map: which segment every pixel belongs to, and of which class each segment is."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ms_ovs.errors import UserError

VOID = 0  # the id of pixels that belong to no segment


@dataclass(frozen=True)
class Segment:
    """A segment: its id in the map, from 1 on; its class; whether it is a crowd, things nobody told apart."""

    id: int
    label: int
    crowd: bool = False


@dataclass(frozen=True, eq=False)
class PanopticMap:
    """`ids` int32 (H,W) holds the id of each pixel's segment, 0 = void; `segments` are those that occur."""

    ids: np.ndarray
    segments: tuple[Segment, ...]

    @property
    def shape(self) -> tuple[int, ...]:
        """(H,W)"""
        return self.ids.shape

    @cached_property
    def places(self) -> np.ndarray:
        """int32 (H,W): n + 1 where `segments[n]` is, 0 where void is.

        Raises `UserError` for a segment id that is not above 0 or is there twice, for ids in the map without
        a segment, and for segments without a pixel.
        """
        known = [segment.id for segment in self.segments]
        if wrong := [number for number in known if number <= VOID]:
            raise UserError(f"segment id {wrong[0]}: ids begin at 1, {VOID} stands for void")
        if len(set(known)) < len(known):
            twice = next(number for number in known if known.count(number) > 1)
            raise UserError(f"segment {twice} is listed twice: each segment needs an id of its own")
        least, most = (int(self.ids.min()), int(self.ids.max())) if self.ids.size else (VOID, VOID)
        if least < VOID:
            raise UserError(f"the map holds id {least}: ids begin at 1, {VOID} stands for void")
        table = np.zeros(max([most, *known]) + 1, np.int32)
        table[known] = np.arange(1, len(known) + 1)
        places = table[self.ids]
        if (strays := (places == 0) & (self.ids != VOID)).any():
            raise UserError(
                f"the map holds segment {self.ids[strays][0]}, which is not listed: list every segment of it"
            )
        pixels = np.bincount(places.ravel(), minlength=len(known) + 1)[1:]
        if not pixels.all():
            raise UserError(
                f"segment {known[pixels.argmin()]} is listed and has no pixel in the map: list those it holds"
            )
        return places
