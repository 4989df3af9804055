"""CLIP from images and their captions (Radford et al. 2021, section 2.3)."""

from collections.abc import Iterator
from typing import Any, Literal

import numpy as np
from mindspore import Tensor, nn
from pydantic import Field

from ms_ovs.config import Settings
from ms_ovs.data.captions import CaptionDataset
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import Shifted
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.losses.contrastive import ContrastiveLoss
from ms_ovs.models.registry import create_model
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.task import Task, Validation, training_loader
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "clip"


class CLIPModel(Settings):
    """A variant of CLIP, or "custom" and all of `ms_ovs.clip.variants.CLIPConfig` in `options`."""

    variant: str
    options: dict[str, Any] = Field(default_factory=dict)


class CLIPData(Settings):
    """`captions` is a file as `ms_ovs.data.captions` reads it, whose last `held_out` pairs validate.

    Images are mirrored with probability `mirror` and moved by up to `shift` of their sides. `merges` is
    CLIP's vocabulary file, if it is not installed.
    """

    captions: str
    held_out: int = Field(default=0, ge=0)
    mirror: float = 0.5
    shift: float = 0.1
    merges: str | None = None


class CLIPTraining(TrainSettings):
    """Training CLIP."""

    task: Literal["clip"]
    model: CLIPModel
    data: CLIPData


class Contrast(nn.Cell):
    """The contrastive loss of a batch: images (B, 3, n, n) and tokens int32 (B, L) in, a number out."""

    def __init__(self, network: nn.Cell, loss: nn.Cell):
        super().__init__(auto_prefix=False)
        self.network, self.loss = network, loss

    def construct(self, image, tokens):
        network = self.network
        return self.loss(network.image(image), network.text(tokens), network.logit_scale)


def build(settings: CLIPTraining, world: World) -> Task:
    """The task that a config describes. Raises `UserError` for captions and models that do not fit."""
    data = settings.data
    pairs = CaptionDataset(data.captions, Tokenizer(data.merges))
    if data.held_out >= len(pairs):
        raise UserError(f"data.held_out is {data.held_out} of {len(pairs)} captions: leave some to train on")
    # padding behind the longest caption changes nothing, so it is not computed
    longest = int((pairs.tokens != 0).sum(1).max())
    pairs.tokens = np.ascontiguousarray(pairs.tokens[:, :longest])
    network = create_model(
        SYSTEM, variant=settings.model.variant, seed=settings.seed, **settings.model.options
    )
    config = network.config
    shift = Shifted(mean=config.mean, std=config.std, mirror=data.mirror, shift=data.shift)
    still = Shifted(mean=config.mean, std=config.std, mirror=0, shift=0)
    parts = [Part(pairs, 0, len(pairs) - data.held_out), Part(pairs, len(pairs) - data.held_out, len(pairs))]
    loader = training_loader(settings, parts[0], shift, world)
    validate = None
    if settings.validation and data.held_out:
        size = settings.validation.batch_size
        held_out = Loader(parts[1], still, batch_size=size, rank=world.rank, ranks=world.ranks, shuffle=False)

        def validate() -> Validation:
            return Validation({"retrieval": retrieval(network, held_out.epoch(0), world)})

    return Task(
        network=network,
        objective=Contrast(network, ContrastiveLoss(rank=world.rank, ranks=world.ranks)),
        loader=loader,
        inputs=lambda batch: (Tensor(batch[0]), Tensor(batch[1])),
        validate=validate,
        scores=("retrieval",),
        system=SYSTEM,
        variant=settings.model.variant,
        options=settings.model.options,
    )


class Part:
    """The samples from `start` to before `stop` of a data set."""

    def __init__(self, dataset, start: int, stop: int):
        self.dataset, self.start, self.stop = dataset, start, stop

    def __len__(self) -> int:
        """The number of samples."""
        return self.stop - self.start

    def __getitem__(self, index: int) -> tuple:
        """The sample `index` of this part."""
        return self.dataset[self.start + index]


def retrieval(network: nn.Cell, batches: Iterator, world: World) -> float:
    """Share of the images whose own caption is the nearest of those in their batch.

    Equal captions count as one's own.
    """
    right = count = 0
    for image, tokens in batches:
        features = [
            array / np.linalg.norm(array, axis=1, keepdims=True)
            for array in (network.image(Tensor(image)).asnumpy(), network.text(Tensor(tokens)).asnumpy())
        ]
        nearest = (features[0] @ features[1].T).argmax(1)
        right += int((tokens[nearest] == tokens).all(1).sum())
        count += len(image)
    right, count = world.sum(np.array([right, count]))
    return float(right / count)
