"""LSeg on label maps (Li et al. 2022): pixels against the words of the data set, encoded once."""

from typing import Any, Literal

import numpy as np
from mindspore import Tensor, nn
from pydantic import Field, model_validator

from convert import read
from convert.variants import config_of
from ms_ovs.config import Settings
from ms_ovs.data import shapes
from ms_ovs.data.folders import FolderDataset, FolderSettings
from ms_ovs.data.layouts import preset
from ms_ovs.data.transforms import RandomCrop
from ms_ovs.distributed import World
from ms_ovs.errors import UserError
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.losses.cross_entropy import PixelCrossEntropy
from ms_ovs.models.checkpoint import Checkpoint, load_model
from ms_ovs.models.lseg.initial import fill_image, fill_text
from ms_ovs.models.registry import create_model
from ms_ovs.training.crop_validation import CropValidator
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.step import NetworkWithLoss
from ms_ovs.training.task import Task, training_loader
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary, parse
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "lseg"
SCORES = ("pixel_accuracy", "miou")
OPEN_SCORES = ("seen_miou", "unseen_miou")  # where it is known which classes training sees


class LSegModel(Settings):
    """A variant of LSeg with `options` over it (`ms_ovs.models.lseg.variants.LSegConfig`), and its first
    weights.

    `checkpoint` is one of LSeg, which fills all of the network. Without it `text` is one of CLIP, and `image`
    a file of timm's ViT, torchvision's ResNet-101, or CLIP again; what neither fills is drawn from the seed.
    """

    variant: str
    options: dict[str, Any] = Field(default_factory=dict)
    checkpoint: str | None = None
    text: str | None = None
    image: str | None = None

    @model_validator(mode="after")
    def _one_source(self):
        if (self.checkpoint is None) == (self.text is None):
            raise ValueError(
                f"checkpoint is {self.checkpoint!r} and text is {self.text!r}: give one of them, "
                "a file of LSeg, or of the CLIP whose text tower it learns against"
            )
        return self


class DataSet(Settings):
    """A known data set in its folder `root`, or `folder`: any pair of folders."""

    preset: str | None = None
    root: str | None = None
    folder: FolderSettings | None = None

    @model_validator(mode="after")
    def _one_kind(self):
        if (self.preset is None) == (self.folder is None) or (self.preset is None) != (self.root is None):
            raise ValueError(
                f"preset is {self.preset!r}, root {self.root!r}, folder "
                f"{'given' if self.folder else 'not given'}: give preset and root, or folder"
            )
        return self

    def open(self, split: str) -> FolderDataset:
        """The data set's part "training" or "validation"; a folder is one part."""
        return FolderDataset(self.folder or preset(self.preset, self.root, split))

    @property
    def known(self) -> shapes.Shapes | None:
        """What is known of seen and unseen classes: something of the embedded benchmark alone."""
        return shapes.describe(self.root) if self.preset == "shapes" else None


class LSegData(Settings):
    """Sets, words and crops.

    `labels` are other words than those of the sets, one for each of their classes; `templates` the prompts
    that they are put in. Crops are as `ms_ovs.data.transforms.RandomCrop` makes them, for validation as
    `CentreCrop`.
    """

    train: DataSet
    validation: DataSet | None = None
    labels: str | None = None
    templates: str = "none"
    merges: str | None = None
    base_size: int = 520
    crop_size: int = 480
    smallest: float = 0.5
    largest: float = 2.0
    mirror: float = 0.5


class LSegTraining(TrainSettings):
    """Training LSeg."""

    task: Literal["lseg"]
    model: LSegModel
    data: LSegData


def build(settings: LSegTraining, world: World) -> Task:
    """The task that a config describes. Raises `UserError` for data and files that do not fit."""
    data = settings.data
    train = data.train.open("training")
    words = renamed(train.vocabulary, data.labels)
    network, metadata, carried = first_network(settings.model, settings.seed)
    config = network.config
    encode = Encoder(network, data.templates, data.merges)
    crop = RandomCrop(
        data.base_size, data.crop_size, config.mean, config.std, data.smallest, data.largest, data.mirror
    )
    loader = training_loader(settings, train, crop, world)
    text = Tensor(encode(words))
    validate = None
    if settings.validation and data.validation:
        validate = Validator(settings, network, encode, world)
    return Task(
        network=network,
        objective=NetworkWithLoss(network, PixelCrossEntropy()),
        loader=loader,
        inputs=lambda batch: (Tensor(batch[0]), text, Tensor(batch[1])),
        validate=validate,
        scores=validate.scores if validate else (),
        system=SYSTEM,
        variant=settings.model.variant,
        options=settings.model.options,
        started_from=metadata,
        carried=carried,
    )


def first_network(model: LSegModel, seed: int):
    """The network with its first weights; metadata and carried tensors of the checkpoint they are from."""
    if model.checkpoint:
        network, found = load_model(model.checkpoint, system=SYSTEM)
        _check_same(model, found)
        return network, {**found.metadata, "source_sha256": found.sha256}, read(model.checkpoint).tensors
    network = create_model(SYSTEM, variant=model.variant, seed=seed, **model.options)
    fill_text(network, model.text)
    if model.image:
        fill_image(network, model.image)
    return network, None, {}


def _check_same(model: LSegModel, found: Checkpoint) -> None:
    """Raise `UserError` where a checkpoint is of another network than the config says."""
    said, met = (
        config_of(SYSTEM, *kind) for kind in ((model.variant, model.options), (found.variant, found.options))
    )
    if said != met:
        raise UserError(
            f"model.checkpoint {str(found.path)!r} is of {found.variant} {dict(found.options)}, the config "
            f"says {model.variant} {model.options}: set model.variant and model.options to what the file has"
        )


class Encoder:
    """Vocabularies to class embeddings float32 (C, D) by the frozen text tower, each encoded once."""

    def __init__(self, network: nn.Cell, templates: str, merges: str | None):
        self.network, self.prompts, self.tokenizer = network, prompts.get(templates), Tokenizer(merges)

    def __call__(self, vocabulary: Vocabulary) -> np.ndarray:
        """Embeddings of the first synonym of every class."""
        return embed(
            self.network.encode_text, Vocabulary.of(vocabulary.names), tokenizer=self.tokenizer,
            templates=self.prompts, weights_hash="", cache=False, normalised=False,
        )  # fmt: skip


def renamed(vocabulary: Vocabulary, labels: str | None) -> Vocabulary:
    """The words of `labels` for the classes of `vocabulary`, or those it has."""
    if labels is None:
        return vocabulary
    words = parse(labels)
    if len(words) != len(vocabulary):
        raise UserError(
            f"data.labels has {len(words)} classes, the data set {len(vocabulary)}: give one for each"
        )
    return words


class Validator(CropValidator):
    """Scores of the network on centre crops (specification of LSeg, section 5.2), and pictures of a few."""

    def __init__(self, settings: LSegTraining, network: nn.Cell, encode: Encoder, world: World):
        data, config = settings.data, network.config
        dataset = data.validation.open("validation")
        vocabulary = renamed(dataset.vocabulary, data.labels)
        self.network, self.text = network, Tensor(encode(vocabulary))
        self.known = data.validation.known
        self.scores = (*SCORES, *OPEN_SCORES) if self.known else SCORES
        super().__init__(
            settings.validation,
            dataset,
            vocabulary.names,
            world,
            crop_size=data.crop_size,
            mean=config.mean,
            std=config.std,
            marked=self.known.unseen if self.known else (),
        )

    def ratios(self, scores: SemanticScores) -> dict[str, float]:
        """What `scores` names."""
        values = [scores.pixel_accuracy, scores.miou]
        if self.known:
            parts = scores.seen_unseen(self.known.unseen, self.known.seen)
            values += [parts.seen, parts.unseen]
        return dict(zip(self.scores, values, strict=True))

    def predict(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Classes int32 (B, H, W)."""
        scores = self.network(Tensor(self.filled(image)), self.text).asnumpy()
        return scores[: len(image)].argmax(1).astype(np.int32)
