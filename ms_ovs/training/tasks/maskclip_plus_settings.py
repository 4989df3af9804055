"""What a config of MaskCLIP+ may say (specification of MaskCLIP, sections 6, 10 and 11)."""

from typing import Any, Literal

from pydantic import Field, model_validator

from ms_ovs.config import Settings
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.hidden import ALL
from ms_ovs.data.photographs import Photographs, PhotographSettings
from ms_ovs.training.settings import TrainSettings
from ms_ovs.training.stages import StageSettings
from ms_ovs.training.tasks.lseg import DataSet


class StudentSettings(Settings):
    """A variant of MaskCLIP+ with `options` over it, and its first weights.

    `teacher` is a converted CLIP, whose image tower teaches and whose text tower makes the class
    embeddings; the options need not say its size, nor how many classes there are. `backbone` is a converted
    MiT or ResNet trained on ImageNet; without it the backbone is drawn from the seed. `checkpoint`, a
    MaskCLIP+, fills all of the network but the class embeddings, which are those of the config's words.
    """

    variant: str
    options: dict[str, Any] = Field(default_factory=dict)
    teacher: str
    backbone: str | None = None
    checkpoint: str | None = None

    @model_validator(mode="after")
    def _one_source(self):
        if self.checkpoint is not None and self.backbone is not None:
            raise ValueError(
                f"checkpoint is {self.checkpoint!r} and backbone {self.backbone!r}: give one of them, "
                "a whole MaskCLIP+ or its backbone alone"
            )
        return self


class StudentSet(DataSet):
    """A data set as for other systems, or `photographs`: a folder of images without any annotation."""

    photographs: PhotographSettings | None = None

    @model_validator(mode="after")
    def _one_kind(self):
        if self.photographs is None:
            return super()._one_kind()
        if (self.preset, self.root, self.folder) != (None, None, None):
            raise ValueError(
                f"photographs of {self.photographs.image_dir!r} are given, and preset, root or folder too: "
                "give one of them"
            )
        return self

    def open(self, split: str) -> FolderDataset | Photographs:
        """The data set's part "training" or "validation"; a folder is one part."""
        return Photographs(self.photographs) if self.photographs else super().open(split)


class StudentData(Settings):
    """Sets, words, what is hidden of the labels, and crops.

    - `labels` are the words of the classes, one for each class of the sets but the background, in their
      order, and
      `templates` the prompts that they are put in. Without `labels` they are the sets' own.
    - `suppressed` are the classes whose labels are hidden and filled in, by number in the sets' order or by
      name; "all" hides every label, and then the training set's classes do not matter, only what it
      ignores. With `hide_ignored` ignored pixels are hidden too, as all pixels of photographs are.
    - Crops are as `ms_ovs.data.mmseg_crop.ScaledCrop` makes them; for validation the centre of `crop_size`.
    """

    train: StudentSet
    validation: DataSet | None = None
    labels: str | None = None
    templates: str = "maskclip_85"
    merges: str | None = None
    suppressed: Literal["all"] | list[int | str] = ALL
    hide_ignored: bool = False
    scale: tuple[int, int] = (520, 520)
    crop_size: int = Field(default=480, gt=0)
    smallest: float = Field(default=0.5, gt=0)
    largest: float = Field(default=2.0, gt=0)
    most_share: float = Field(default=0.75, gt=0)
    mirror: float = Field(default=0.5, ge=0, le=1)
    distort: bool = True

    @model_validator(mode="after")
    def _photographs_need_words(self):
        if self.train.photographs and (self.labels is None or self.suppressed != ALL):
            raise ValueError(
                f"photographs have no annotations, labels is {self.labels!r}, suppressed "
                f'{self.suppressed!r}: give labels, and leave suppressed at "{ALL}"'
            )
        return self


class CompletionSettings(Settings):
    """How the teacher's scores become labels: the thresholds of prompt denoising, of key smoothing and of
    confidence, 0 turns each off. Confidence counts for the student's own labels too.

    `ks_axis` as in `ms_ovs.models.maskclip.variants.MaskCLIPConfig`.
    """

    pd_thresh: float = Field(default=0.0, ge=0, le=1)
    ks_thresh: float = Field(default=0.0, ge=0, le=1)
    ks_axis: Literal["positions", "channels"] = "positions"
    conf_thresh: float = Field(default=0.0, ge=0)


class DistillationSettings(Settings):
    """Learning from the teacher's features, not its labels (`DistillationLoss` of `pseudo_labels`)."""

    weight: float = Field(default=1.0, gt=0)
    labelled: bool = True
    detached: bool = True


class ClassWeightSettings(Settings):
    """Class weights from the whole CLIP `clip`, a converted file; their temperature is the network's."""

    clip: str


class MaskCLIPPlusTraining(TrainSettings):
    """Training MaskCLIP+. `stages` say in which forwards who completes the labels."""

    task: Literal["maskclip_plus"]
    model: StudentSettings
    data: StudentData
    stages: StageSettings = Field(default_factory=StageSettings)
    completion: CompletionSettings = Field(default_factory=CompletionSettings)
    distill: DistillationSettings | None = None
    class_weight: ClassWeightSettings | None = None
