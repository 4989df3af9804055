"""MaskCLIP+: a student that learns from MaskCLIP's labels (Zhou et al. 2022), and from its own."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass

import mindspore as ms
import numpy as np
from mindspore import Tensor, nn

from convert import read
from ms_ovs.data.hidden import ALL, HiddenLabels, check_hidden
from ms_ovs.data.loader import Batch
from ms_ovs.data.mmseg_crop import ScaledCrop
from ms_ovs.distributed import World
from ms_ovs.errors import UserError, choose
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.models.checkpoint import load_model
from ms_ovs.models.maskclip_plus.completion import TeacherFeatures, TeacherLabels
from ms_ovs.models.maskclip_plus.initial import TeacherFile, draw_head, fill_backbone
from ms_ovs.models.maskclip_plus.model import MaskCLIPPlus
from ms_ovs.models.registry import CUSTOM, create_model
from ms_ovs.training.class_weights import ClassWeights
from ms_ovs.training.crop_validation import CropValidator
from ms_ovs.training.pseudo_labels import DistillationLoss, StudentLoss
from ms_ovs.training.stages import Stages
from ms_ovs.training.task import Task, training_loader
from ms_ovs.training.tasks.lseg import DataSet
from ms_ovs.training.tasks.maskclip_plus_settings import MaskCLIPPlusTraining, StudentData, StudentSettings
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary, parse
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "maskclip_plus"
SCORES = ("pixel_accuracy", "miou", "mean_accuracy")
ZERO_SHOT_SCORES = ("seen_miou", "unseen_miou", "harmonic_miou")


def build(settings: MaskCLIPPlusTraining, world: World) -> Task:
    """The task that a config describes. Raises `UserError` for data and files that do not fit."""
    data = settings.data
    train = data.train.open("training")
    background = bool(settings.model.options.get("background"))
    words = words_of(train.vocabulary, data, background=background)
    hidden = suppressed(words.names, data.suppressed)
    first = first_student(settings, words)
    network, stages = first.network, Stages(settings.stages)
    config = network.config
    weights = _class_weights(settings, words, config.tau)
    crop = ScaledCrop(
        data.scale, data.crop_size, data.smallest, data.largest, data.most_share, data.mirror, data.distort,
        config.mean, config.std,
    )  # fmt: skip
    shown = HiddenLabels(
        train,
        ALL if data.suppressed == ALL else hidden,
        ignored=data.hide_ignored or data.train.photographs is not None,
        numbered=weights is not None,
    )
    validate = None
    if settings.validation and data.validation:
        validate = Validator(settings, network, words, hidden, stages, weights, world)
    supervision = Supervision(settings, network, hidden, stages)
    return Task(
        network=network,
        objective=supervision.objective,
        loader=training_loader(settings, shown, crop, world),
        inputs=lambda batch: supervision(batch, weights and weights(train, batch[2])),
        validate=validate,
        scores=validate.scores if validate else (),
        system=SYSTEM,
        variant=settings.model.variant,
        options=first.options,
        started_from=first.metadata,
        carried=first.carried,
        passed=stages.passed,
        resumed=stages.resumed,
    )


def words_of(vocabulary: Vocabulary, data: StudentData, *, background: bool) -> Vocabulary:
    """The names of the network's channels: `data.labels`, behind a background if it has one, or the set's."""
    if data.labels is None:
        return vocabulary
    words = parse(data.labels)
    names = (vocabulary.names[0], *words.names) if background else words.names
    if len(names) != len(vocabulary) and data.suppressed != ALL:
        raise UserError(
            f"data.labels has {len(words)} classes, the data set {len(vocabulary)}"
            f"{', the first of them the background' if background else ''}: give one for each"
        )
    return Vocabulary.of(names)


def suppressed(names: tuple[str, ...], given: list[int | str] | str) -> list[int]:
    """The numbers of the classes whose labels are hidden. Raises `UserError` for one that there is not."""
    if given == ALL:
        return list(range(len(names)))
    found = []
    for one in given:
        if isinstance(one, str):
            one = names.index(choose("class in data.suppressed", one, names))
        if not 0 <= one < len(names):
            raise UserError(f"data.suppressed names class {one}; classes go from 0 to {len(names) - 1}")
        found.append(one)
    return found


@dataclass(frozen=True)
class First:
    """A network with its first weights, its options, and what its checkpoint says and carries."""

    network: MaskCLIPPlus
    options: Mapping
    metadata: Mapping[str, str] | None
    carried: Mapping


def first_student(settings: MaskCLIPPlusTraining, words: Vocabulary) -> First:
    """The network before its first step. Raises `UserError` for files that do not fit the config."""
    model, data = settings.model, settings.data
    teacher = TeacherFile(model.teacher)
    options = student_options(model, teacher, words)
    metadata, carried = None, {}
    if model.checkpoint:
        network, found = load_model(model.checkpoint, system=SYSTEM)
        wanted = create_model(SYSTEM, variant=model.variant, seed=None, **options).config
        if network.config != wanted:
            raise UserError(
                f"model.checkpoint {model.checkpoint!r} is of {found.variant} {dict(found.options)}, the "
                f"config says {model.variant} {options}: set model.variant and model.options to what the "
                "file has"
            )
        metadata = {**found.metadata, "source_sha256": found.sha256}
        carried = read(model.checkpoint).tensors
    else:
        network = create_model(SYSTEM, variant=model.variant, seed=settings.seed, **options)
        draw_head(network, settings.seed)
        teacher.fill(network)
        if model.backbone:
            fill_backbone(network, model.backbone)
    spoken = words.names[1:] if network.config.background else words.names
    rows = embed(
        teacher.text_tower().encode, Vocabulary.of(spoken), tokenizer=Tokenizer(data.merges),
        templates=prompts.get(data.templates), weights_hash=teacher.sha256, cache=False,
    )  # fmt: skip
    network.text_embeddings.set_data(Tensor(rows))
    return First(network, options, metadata, carried)


def student_options(model: StudentSettings, teacher: TeacherFile, words: Vocabulary) -> dict:
    """The options of the config, with the classes of the words and, of a custom one, the teacher's size."""
    options = dict(model.options)
    count = len(words) - bool(options.get("background"))
    if options.setdefault("classes", count) != count:
        raise UserError(
            f"model.options.classes is {options['classes']}, there are {count} words: leave it out"
        )
    if model.variant == CUSTOM:
        options.setdefault("teacher", asdict(teacher.config))
    return options


def _class_weights(settings: MaskCLIPPlusTraining, words: Vocabulary, tau: float) -> ClassWeights | None:
    given, data = settings.class_weight, settings.data
    if given is None:
        return None
    if settings.model.options.get("background"):
        words = Vocabulary.of(words.names[1:])
    return ClassWeights(given.clip, words, tau=tau, templates=prompts.get(data.templates), merges=data.merges)


class Supervision:
    """From a batch of the loader to what the step takes: the teacher's part of it, and the stage.

    `objective` is the cell of the step.
    """

    def __init__(
        self, settings: MaskCLIPPlusTraining, network: MaskCLIPPlus, hidden: list[int], stages: Stages
    ):
        self.stages = stages
        self.text = Tensor(network.text_embeddings.asnumpy())
        # every label is hidden where all are: then none can slip through
        self.hidden = [] if settings.data.suppressed == ALL else hidden
        self.taught: nn.Cell | None = None
        if settings.distill:
            self.objective: nn.Cell = DistillationLoss(network, **settings.distill.model_dump())
            self.taught = TeacherFeatures(network)
            return
        completion = settings.completion
        own = hidden if settings.stages.self_training else []
        self.objective = StudentLoss(network, np.array(own), conf_thresh=completion.conf_thresh)
        self.complete: Callable = TeacherLabels(network, np.array(hidden), **completion.model_dump())

    def __call__(self, batch: Batch, weights: np.ndarray | None) -> tuple[Tensor, ...]:
        """Images, embeddings, target, flag or features, and class weights where there are."""
        check_hidden(batch[1], self.hidden)
        image, target = Tensor(batch[0]), Tensor(batch[1])
        others = () if weights is None else (Tensor(weights),)
        if self.taught is not None:
            return image, self.text, target, self.taught(image), *others
        if self.stages.guided:
            target = self.complete(image, self.text, target)
        return image, self.text, target, Tensor(self.stages.self_training, ms.bool_), *others


class Validator(CropValidator):
    """Scores on centre crops. Each image counts as a forward of the head, as the authors' evaluation does."""

    def __init__(
        self,
        settings: MaskCLIPPlusTraining,
        network: MaskCLIPPlus,
        words: Vocabulary,
        hidden: list[int],
        stages: Stages,
        weights: ClassWeights | None,
        world: World,
    ):
        data, config = settings.data, network.config
        dataset = data.validation.open("validation")
        if len(dataset.vocabulary) != len(words):
            raise UserError(
                f"data.validation has {len(dataset.vocabulary)} classes, the network {len(words)}: they must "
                "be the same"
            )
        self.network, self.stages, self.weights = network, stages, weights
        self.text = Tensor(network.text_embeddings.asnumpy())
        self.unseen, self.seen = _zero_shot(data.validation, data, hidden)
        self.scores = (*SCORES, *ZERO_SHOT_SCORES) if self.unseen else SCORES
        self.done = 0  # images of this validation
        super().__init__(
            settings.validation, dataset, words.names, world,
            crop_size=data.crop_size, mean=config.mean, std=config.std, marked=self.unseen,
        )  # fmt: skip

    def __call__(self):
        """Every image once, over all processes; what cannot be read is left out."""
        self.done = 0
        found = super().__call__()
        self.stages.evaluated(self.done)
        return found

    def ratios(self, scores: SemanticScores) -> dict[str, float]:
        """What `scores` names."""
        values = [scores.pixel_accuracy, scores.miou_present, scores.mean_accuracy]
        if self.unseen:
            parts = scores.seen_unseen(self.unseen, self.seen)
            values += [parts.seen, parts.unseen, parts.harmonic]
        return dict(zip(self.scores, values, strict=True))

    def predict(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Classes int32 (B, H, W)."""
        self.done += len(image)
        inputs = [Tensor(self.filled(image)), self.text]
        if self.weights is not None:
            inputs.append(Tensor(self.filled(self.weights(self.dataset, numbers))))
        scores = self.network(*inputs).asnumpy()
        return scores[: len(image)].argmax(1).astype(np.int32)


def _zero_shot(validation: DataSet, data: StudentData, hidden: list[int]):
    """Unseen and seen classes; none unseen where all labels are hidden and nothing else is known."""
    if data.suppressed != ALL:
        return hidden, None
    known = validation.known
    return (known.unseen, known.seen) if known else ((), None)
