"""The networks of MaskCLIP+ (Zhou et al. 2022): a teacher, a student, and their options."""

from dataclasses import dataclass
from typing import Literal

from ms_ovs.backbones.variants import MIT, RESNET, MiTConfig, ResNetConfig
from ms_ovs.models.maskclip import variants as maskclip
from ms_ovs.models.maskclip.variants import MaskCLIPConfig

SEGFORMER, DEEPLAB_V2, DEEPLAB_V3_PLUS = "segformer", "deeplabv2", "deeplabv3plus"
CONTEXT_CLASSES = 59  # of the authors' main table


@dataclass(frozen=True, kw_only=True)
class MaskCLIPPlusConfig:
    """A student (`backbone` and `head`) that learns from a frozen `teacher`.

    The head's features have as many channels as the teacher's text embeddings, of which there are `classes`.

    - `background` puts a trained vector in front of the text embeddings: channel 0 is what no word names.
    - `norm_feat` divides the student's features by their 2-norm; the authors leave them as they are.
    - `tau` is the temperature of class weights (dgymjol/MaskCLIP_SegFormer), where they are used.
    - `scale` bounds a photograph: its long side by the larger number, its short side by the smaller one.
    - `mean` and `std` normalise RGB values in 0..1, for student and teacher; they are ImageNet's.
    """

    backbone: MiTConfig | ResNetConfig
    head: Literal["segformer", "deeplabv2", "deeplabv3plus"]
    teacher: MaskCLIPConfig
    classes: int = CONTEXT_CLASSES
    background: bool = False
    norm_feat: bool = False
    tau: float = 1.0
    scale: tuple[int, int] = (520, 520)
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    @property
    def channels(self) -> int:
        """Channels of the scores: classes, and the background where there is one."""
        return self.classes + self.background

    @property
    def embed_dim(self) -> int:
        """The width of text embeddings and of the head's features."""
        return self.teacher.embed_dim


def teacher_of(name: str) -> MaskCLIPConfig:
    """The MaskCLIP of a published CLIP as a teacher: its words are the student's."""
    return maskclip.of_clip(maskclip.VARIANTS[name], text=None)


_TEACHERS = {"vit_b16": "ViT-B/16", "rn50": "RN50", "rn50x16": "RN50x16"}
_STUDENTS: dict[str, tuple[str, MiTConfig | ResNetConfig]] = {
    **{f"segformer_b{size}": (SEGFORMER, MIT[f"mit_b{size}"]) for size in range(6)},
    "deeplabv2_r50": (DEEPLAB_V2, RESNET["resnet50_v1c"]),
    "deeplabv2_r101": (DEEPLAB_V2, RESNET["resnet101_v1c"]),
    "deeplabv3plus_r101": (DEEPLAB_V3_PLUS, RESNET["resnet101_v1c"]),
}

VARIANTS: dict[str, MaskCLIPPlusConfig] = {
    f"{teacher}_{student}": MaskCLIPPlusConfig(
        backbone=backbone, head=head, teacher=teacher_of(clip), tau=maskclip.VARIANTS[clip].tau
    )
    for teacher, clip in _TEACHERS.items()
    for student, (head, backbone) in _STUDENTS.items()
}
