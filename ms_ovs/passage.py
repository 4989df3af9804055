"""How a photograph goes through a network: in windows of one size, or as a whole."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import mindspore as ms
import numpy as np
from mindspore import nn

from ms_ovs.data.mmseg import padded
from ms_ovs.errors import UserError
from ms_ovs.evaluation.sliding import SlidingWindow
from ms_ovs.evaluation.whole import WholeImage
from ms_ovs.nn.taps import GridScores

NATIVE = "native"
LONG_SIDES = range(32, 20001)  # pixels: one place of the network's coarsest map; gigabytes of image


@dataclass(frozen=True, kw_only=True)
class Views:
    """The views of a photograph that are asked for; `ms_ovs.api.Segmenter` says what they mean.

    `of` makes them of what a user gave, and raises `UserError` for what is not possible.
    """

    whole: bool
    long_side: int | str | None
    scales: tuple[float, ...]
    flip: bool
    batch: int

    @classmethod
    def of(
        cls, *, whole: bool, long_side: int | str | None, scales: Sequence[float], flip: bool, batch: int
    ) -> "Views":
        """The views, checked."""
        if whole and long_side is not None:
            raise UserError(f"whole and long side {long_side!r} contradict each other: give one of them")
        if not scales or min(scales) <= 0:
            raise UserError(f"scales {tuple(scales)}: give at least one, all above 0")
        if batch < 1:
            raise UserError(f"batch {batch}: it must be 1 or more windows")
        return cls(whole=whole, long_side=_long_side(long_side), scales=tuple(scales), flip=flip, batch=batch)


class Windowed:
    """Photographs in windows of the network's `crop_size`, `views.batch` at a time: one graph serves all.

    `style` names what the network reads (`ms_ovs.vocab.systems.STYLES`), `own_protocol` how its authors score
    (`ms_ovs.evaluation.evaluate.PROTOCOLS`); it normalises words itself unless `unit_words`.
    """

    style, own_protocol = "lseg", "lseg"
    one_size = True
    unit_words = False

    def __init__(self, views: Views):
        self.views = views

    def protocol(self, config: Any, height: int, width: int) -> SlidingWindow:
        """How a photograph of this size is segmented."""
        views = self.views
        sizes = {None: config.crop_size if views.whole else config.base_size, NATIVE: max(height, width)}
        return SlidingWindow(
            base_size=sizes.get(views.long_side, views.long_side),
            crop_size=config.crop_size,
            scales=views.scales,
            flip=views.flip,
            mean=config.mean,
            std=config.std,
            batch=views.batch,
        )

    def weighs(self, config: Any) -> bool:
        """Whether the network takes class weights."""
        return False

    def scores(self, model: nn.Cell) -> Callable[..., ms.Tensor]:
        """From windows, float32 (B,3,H,W), and what the network takes beside them to scores (B,C,H,W)."""
        return model

    def compile(self, model: nn.Cell, *words: ms.Tensor) -> None:
        """Compile the graph that serves all photographs."""
        crop = model.config.crop_size
        model.compile(ms.Tensor(np.zeros((self.views.batch, 3, crop, crop), np.float32)), *words)


class Whole:
    """Each photograph as a whole, within the `scale` of the network's config: a graph for each new grid.

    Attributes are those of `Windowed`.
    """

    style, own_protocol = "maskclip", "single"
    one_size = False
    unit_words = True

    def __init__(self, views: Views):
        if views.batch > 1:
            raise UserError(
                f"batch {views.batch}: this network takes one photograph at a time, leave it at 1"
            )
        self.views = views

    def protocol(self, config: Any, height: int, width: int) -> WholeImage:
        """How a photograph is segmented, of whatever size."""
        views, long = self.views, self.views.long_side
        scale = config.scale if long is None else None if long == NATIVE else (long, long)
        return WholeImage(scale=scale, scales=views.scales, flip=views.flip, mean=config.mean, std=config.std)

    def weighs(self, config: Any) -> bool:
        """Whether the network takes class weights: it has a temperature for them."""
        return hasattr(config, "tau")

    def scores(self, model: nn.Cell) -> Callable[..., ms.Tensor]:
        """From a photograph, float32 (1,3,H,W), and what the network takes beside it to scores (1,C,h,w)."""
        grid = GridScores(model)
        patch = getattr(model.config, "vision_patch_size", None) or 1

        def scores_of(image: ms.Tensor, *beside: ms.Tensor) -> ms.Tensor:
            model.check(image.shape, *(tensor.shape for tensor in beside[:1]))
            # The network would pad as well, in a graph for each size rather than for each grid.
            size = tuple(-(-side // patch) * patch for side in image.shape[2:])
            return grid(ms.Tensor(padded(image.asnumpy(), size, 0)), *beside)

        return scores_of


def passage_of(config: Any) -> type[Windowed] | type[Whole]:
    """The way through a network with this config: in windows, if it has a size for them."""
    return Windowed if hasattr(config, "crop_size") else Whole


def _long_side(value: int | str | None) -> int | str | None:
    if value is None or value == NATIVE:
        return value
    try:
        size = int(value)
    except ValueError:
        size = 0
    if size not in LONG_SIDES:
        least, most = LONG_SIDES[0], LONG_SIDES[-1]
        raise UserError(f"long side {value!r}: it must be {NATIVE!r} or {least} to {most} pixels")
    return size
