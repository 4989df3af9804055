"""What the loop needs to know of what it trains."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mindspore import Tensor, nn
from PIL import Image

from convert import Entry
from ms_ovs.data.loader import Batch, Dataset, Loader
from ms_ovs.data.transforms import Transform
from ms_ovs.distributed import World
from ms_ovs.training.settings import TrainSettings


@dataclass(frozen=True)
class Validation:
    """Scores by name, fractions, and a picture to look at."""

    scores: Mapping[str, float]
    picture: Image.Image | None = None


@dataclass
class Task:
    """A network, the loss it learns by, and the data it learns from.

    - `objective` maps the tensors that `inputs` makes of a batch of the loader to the loss;
    - `validate` gives `scores`, by name, of the network as it is; None where there is nothing to score;
    - `system`, `variant` and `options` say how `create_model` builds the network; `started_from` is the
      metadata of the checkpoint that it began as, and `carried` what that file carries along for the way
      back;
    - `passed` is told after every pass through the step, `resumed` of a training that goes on how many passes
      came before.
    """

    network: nn.Cell
    objective: nn.Cell
    loader: Loader
    inputs: Callable[[Batch], tuple[Tensor, ...]]
    validate: Callable[[], Validation] | None
    scores: tuple[str, ...]
    system: str
    variant: str
    options: Mapping[str, Any]
    started_from: Mapping[str, str] | None = None
    carried: Mapping[str, Entry] = field(default_factory=dict)
    passed: Callable[[], None] = lambda: None
    resumed: Callable[[int], None] = lambda passes: None


def training_loader(settings: TrainSettings, dataset: Dataset, transform: Transform, world: World) -> Loader:
    """The batches to learn from, of this process. Raises `UserError` for a data set that fills none."""
    return Loader(
        dataset,
        transform,
        batch_size=settings.batch_size,
        seed=settings.seed,
        rank=world.rank,
        ranks=world.ranks,
        workers=settings.workers,
        on_error=settings.on_bad_image,
    )
