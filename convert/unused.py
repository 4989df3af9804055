"""What the authors' files hold beside the weights that a network uses, by the authors' names."""

from collections.abc import Iterable

from convert import dense_shapes, maskclip_plus_shapes, shapes, variants
from convert.rules import Table
from convert.tables import clip as clip_tables
from convert.tables import lseg as lseg_tables
from convert.tables import maskclip_plus as maskclip_plus_tables
from convert.tables import segformer as segformer_tables
from ms_ovs.clip import variants as clip
from ms_ovs.models.lseg.variants import LSegConfig, ViTConfig
from ms_ovs.models.maskclip_plus.variants import DEEPLAB_V3_PLUS, SEGFORMER, MaskCLIPPlusConfig
from ms_ovs.models.segformer.variants import SegFormerConfig

# The CLIPs that LSeg's authors put into their files; others have text towers of the same sizes.
_INSIDE_LSEG = ("ViT-B/32", "RN50x16")


def unused(config: variants.Config) -> list[str]:
    """Names, without prefix, of all tensors that a file of the authors has and the network does not.

    Of a text tower that no published LSeg has, the CLIP around it is not known, and left out.
    """
    if isinstance(config, clip.CLIPConfig):
        return _counts(_clip_names(config))
    if isinstance(config, SegFormerConfig):
        return _counts(_sources(segformer_tables.TABLE, dense_shapes.segformer(config)))
    if isinstance(config, MaskCLIPPlusConfig):
        return _maskclip_plus(config)
    return _lseg(config)


def _maskclip_plus(config: MaskCLIPPlusConfig) -> list[str]:
    table = maskclip_plus_tables.TABLES[config.head == DEEPLAB_V3_PLUS]
    unused = ["decode_head._iter_counter"]
    if config.head == SEGFORMER:
        unused += [f"decode_head.decode_module.conv_seg.{name}" for name in ("weight", "bias")]
    return unused + _counts(_sources(table, maskclip_plus_shapes.maskclip_plus(config)))


def _lseg(config: LSegConfig) -> list[str]:
    own = _sources(lseg_tables.TABLE, shapes.lseg(config))
    # The deepest fusion has the unit that the others have, and never runs it.
    fusion = "scratch.refinenet{}.resConfUnit1."
    names = [n.replace(fusion.format(3), fusion.format(4)) for n in own if n.startswith(fusion.format(3))]
    if isinstance(config.image, ViTConfig):
        names += [
            f"pretrained.model.{part}.{name}" for part in ("norm", "head") for name in ("weight", "bias")
        ]
    inside = next((name for name in _INSIDE_LSEG if clip.VARIANTS[name].text == config.text), None)
    if inside:
        whole = ("logit_scale", *_clip_names(clip.VARIANTS[inside], "image."))
        names += [f"clip_pretrained.{name}" for name in whole]
    return names + _counts([*own, *names])


def _clip_names(config: clip.CLIPConfig, under: str = "") -> list[str]:
    table = clip_tables.RESNET_TABLE if config.is_resnet else clip_tables.VIT_TABLE
    return _sources(table, (target for target in shapes.clip(config) if target.startswith(under)))


def _sources(table: Table, targets: Iterable[str]) -> list[str]:
    return [name for target in targets for name in table.sources_of(target)]


def _counts(names: Iterable[str]) -> list[str]:
    """The count of batches that stands beside the statistics of every batch norm."""
    end = ".running_var"
    return [name.removesuffix(end) + ".num_batches_tracked" for name in names if name.endswith(end)]
