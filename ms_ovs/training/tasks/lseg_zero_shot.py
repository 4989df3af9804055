"""LSeg's zero-shot networks on the few-shot sets: one class against everything else (paper, section 4.1)."""

from typing import Literal

import numpy as np
from mindspore import Tensor

from ms_ovs.config import Settings
from ms_ovs.data.fewshot import FewShotDataset, FewShotSettings, open_fewshot
from ms_ovs.data.transforms import Squeezed
from ms_ovs.distributed import World
from ms_ovs.evaluation.episodes import evaluate_episodes, foreground, word_pairs
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.step import NetworkWithLoss
from ms_ovs.training.task import Task, Validation, training_loader
from ms_ovs.training.tasks.lseg import SYSTEM, LSegModel, first_network
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.tokenizer import Tokenizer

TEMPLATES = "none"


class ZeroShotData(Settings):
    """A few-shot set with its fold: trained on the classes of the others, validated on its own."""

    episodes: FewShotSettings
    size: int = 480
    merges: str | None = None


class ZeroShotTraining(TrainSettings):
    """Training LSeg's zero-shot networks. `batch_size` counts images, the authors' counts pairs of them."""

    task: Literal["lseg_zero_shot"]
    model: LSegModel
    data: ZeroShotData


def build(settings: ZeroShotTraining, world: World) -> Task:
    """The task that a config describes. Raises `UserError` for data and files that do not fit."""
    train = open_fewshot(settings.data.episodes, split="training")
    network, metadata, carried = first_network(settings.model, settings.seed)
    config = network.config
    tokenizer = Tokenizer(settings.data.merges)
    squeeze = Squeezed(settings.data.size, config.mean, config.std)
    loader = training_loader(settings, train, squeeze, world)

    def pairs(data: FewShotDataset) -> np.ndarray:
        """Embeddings (N, 2, D) of "others" and the label of each class of `data`."""
        names = [data.vocabulary.names[class_id] for class_id in data.class_ids]
        return word_pairs(
            network.encode_text, names, tokenizer=tokenizer, templates=prompts.get(TEMPLATES),
            weights_hash="", cache=False,
        )  # fmt: skip

    words, column = pairs(train), {class_id: place for place, class_id in enumerate(train.class_ids)}

    def inputs(batch) -> tuple[Tensor, ...]:
        image, target, class_ids = batch
        return Tensor(image), Tensor(words[[column[int(number)] for number in class_ids]]), Tensor(target)

    validate = None
    if settings.validation:
        test = open_fewshot(settings.data.episodes, split="test")
        predict = foreground(network, pairs(test))

        def validate() -> Validation:
            found = evaluate_episodes(
                predict,
                test,
                squeeze,
                batch=settings.validation.batch_size,
                rank=world.rank,
                ranks=world.ranks,
            )
            scores = found.together(world).scores
            return Validation({"miou": scores.miou / 100, "fb_iou": scores.fb_iou / 100})

    return Task(
        network=network,
        objective=NetworkWithLoss(network, PixelCrossEntropy()),
        loader=loader,
        inputs=inputs,
        validate=validate,
        scores=("miou", "fb_iou"),
        system=SYSTEM,
        variant=settings.model.variant,
        options=settings.model.options,
        started_from=metadata,
        carried=carried,
    )
