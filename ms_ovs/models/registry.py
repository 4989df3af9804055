"""Systems, their variants and the builder of each: plain dictionaries.

"mit" and "resnet" are backbones, which other systems start their training from.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields

from mindspore import nn
from pydantic import TypeAdapter, ValidationError

from ms_ovs.backbones import variants as backbone_variants
from ms_ovs.backbones.dilated_resnet import DilatedResNet
from ms_ovs.backbones.mit import MixTransformer
from ms_ovs.clip import variants as clip_variants
from ms_ovs.clip.model import CLIP
from ms_ovs.errors import UserError, choose
from ms_ovs.models.lseg import variants as lseg_variants
from ms_ovs.models.lseg.model import LSeg
from ms_ovs.models.maskclip import variants as maskclip_variants
from ms_ovs.models.maskclip.model import MaskCLIP
from ms_ovs.models.maskclip_plus import variants as maskclip_plus_variants
from ms_ovs.models.maskclip_plus.model import MaskCLIPPlus
from ms_ovs.models.segformer import variants as segformer_variants
from ms_ovs.models.segformer.model import SegFormer
from ms_ovs.nn.init import initialize

CUSTOM = "custom"


@dataclass(frozen=True)
class System:
    """A published system: how a config becomes a cell, and the configs of its named variants."""

    build: Callable[..., nn.Cell]
    config: type
    variants: dict


SYSTEMS: dict[str, System] = {
    "clip": System(CLIP, clip_variants.CLIPConfig, clip_variants.VARIANTS),
    "lseg": System(LSeg, lseg_variants.LSegConfig, lseg_variants.VARIANTS),
    "maskclip": System(MaskCLIP, maskclip_variants.MaskCLIPConfig, maskclip_variants.VARIANTS),
    "maskclip_plus": System(
        MaskCLIPPlus, maskclip_plus_variants.MaskCLIPPlusConfig, maskclip_plus_variants.VARIANTS
    ),
    "mit": System(MixTransformer, backbone_variants.MiTConfig, backbone_variants.MIT),
    "resnet": System(DilatedResNet, backbone_variants.ResNetConfig, backbone_variants.RESNET),
    "segformer": System(SegFormer, segformer_variants.SegFormerConfig, segformer_variants.VARIANTS),
}


def list_models(system: str | None = None) -> list[str]:
    """Names "system/variant" of every network, or of those of one system."""
    names = [choose("system", system, SYSTEMS)] if system else list(SYSTEMS)
    return [f"{name}/{variant}" for name in names for variant in SYSTEMS[name].variants]


def create_model(system: str, *, variant: str, seed: int | None = 0, **options) -> nn.Cell:
    """Build a network, in evaluation mode.

    `options` replace fields of the variant's config (`ms_ovs.clip.variants.CLIPConfig`,
    `ms_ovs.models.lseg.variants.LSegConfig`); with `variant="custom"` they are the whole config.
    Weights are drawn from `seed`; None leaves them constant, for a checkpoint to fill. Raises
    `UserError` for an unknown system, variant or option, or a value that does not fit.
    """
    known = SYSTEMS[choose("system", system, SYSTEMS)]
    cell = known.build(_config(system, known, variant, options))
    if seed is not None:
        initialize(cell, seed)
    return cell.set_train(False)


def _config(system: str, known: System, variant: str, options: dict):
    for option in options:
        choose(f"option of {system}", option, [field.name for field in fields(known.config)])
    base = {}
    if variant != CUSTOM:
        base = asdict(known.variants[choose(f"variant of {system}", variant, [*known.variants, CUSTOM])])
    try:
        return TypeAdapter(known.config).validate_python(base | options)
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise UserError(f"option {field!r} of {system}/{variant}: {first['msg']}") from None
