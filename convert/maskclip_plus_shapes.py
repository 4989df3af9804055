"""The tensors of a MaskCLIP+: target name → shape."""

from convert import dense_shapes, shapes
from convert.shape_parts import Named, Shapes, conv_unit
from ms_ovs.backbones.variants import MiTConfig
from ms_ovs.models.maskclip_plus.variants import DEEPLAB_V2, SEGFORMER, MaskCLIPPlusConfig

DECODE = "head.decode."


def maskclip_plus(config: MaskCLIPPlusConfig) -> Shapes:
    """The tensors of a MaskCLIP+: student, teacher and class embeddings."""
    backbone, features = config.backbone, config.embed_dim
    if isinstance(backbone, MiTConfig):
        student, channels = dense_shapes.mit(backbone), backbone.widths
    else:
        student, channels = dense_shapes.resnet(backbone), tuple(4 * backbone.width * 2**k for k in range(4))
    if config.head == SEGFORMER:
        head = dense_shapes.all_mlp(DECODE, channels, features)
    elif config.head == DEEPLAB_V2:
        head = _deeplab_v2(channels[3], features)
    else:
        head = _deeplab_v3_plus(channels[0], channels[3], features)
    return {
        **{f"backbone.{name}": shape for name, shape in student.items()},
        **dict(head),
        **({"head.background": (1, features)} if config.background else {}),
        **{f"teacher.{name}": shape for name, shape in shapes.maskclip(config.teacher).items()},
        "text_embeddings": (config.classes, features),
    }


def _deeplab_v2(inputs: int, features: int) -> Named:
    for branch in range(4):
        yield from conv_unit(f"{DECODE}branches.{branch}", features, inputs, 3, 3)


def _deeplab_v3_plus(fine: int, coarse: int, features: int, details: int = 48) -> Named:
    yield from conv_unit(f"{DECODE}pool", features, coarse, 1, 1)
    yield from conv_unit(f"{DECODE}branches.0", features, coarse, 1, 1)
    for branch in (1, 2, 3):
        yield from _separable(f"{DECODE}branches.{branch}", features, coarse)
    yield from conv_unit(f"{DECODE}join", features, 5 * features, 3, 3)
    yield from conv_unit(f"{DECODE}detail", details, fine, 1, 1)
    yield from _separable(f"{DECODE}refine1", features, features + details)
    yield from _separable(f"{DECODE}refine2", features, features)


def _separable(name: str, outputs: int, inputs: int) -> Named:
    yield from conv_unit(f"{name}.depthwise", inputs, 1, 3, 3)
    yield from conv_unit(f"{name}.pointwise", outputs, inputs, 1, 1)
