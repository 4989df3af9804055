"""The weights that LSeg's training starts from: CLIP's words, and an image tower trained on ImageNet."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from mindspore import Tensor

from convert import Entry, Source, read
from convert.metadata import FORMAT
from convert.pretrained import image_tower
from convert.variants import config_of, expected
from ms_ovs.clip.variants import CLIPConfig
from ms_ovs.errors import UserError
from ms_ovs.models.checkpoint import fill, identify
from ms_ovs.models.lseg.model import LSeg
from ms_ovs.models.lseg.variants import ViTConfig
from ms_ovs.nn.resize import bilinear


def fill_text(model: LSeg, path: str | Path) -> None:
    """Set the text tower from a converted CLIP checkpoint; its image tower is passed over.

    Raises `UserError` when the file is none, or its text tower has another size than the network's.
    As with `fill`, the model must not have been compiled outside graph mode.
    """
    source = read(path)
    clip = _clip(source)
    wanted = vars(model.config.text)
    _compare(source, "text tower", {name: (met, wanted[name]) for name, met in vars(clip.text).items()})
    fill(model.text, _under("text.", source.tensors), origin=str(source.path))


def fill_image(model: LSeg, path: str | Path) -> None:
    """Set the image tower from a file of timm (a ViT), of torchvision (a ResNet), or a converted CLIP.

    timm's and torchvision's are state dicts, .safetensors or .pth, by their own names; the last norm, the
    classifier and counts of batches are passed over. From a CLIP with a ViT of the same width, layers,
    heads and patch size the tower takes patch embedding, class token, position embedding and blocks.
    It then does not compute what CLIP's did, but starts near it: it has no norm before the blocks
    (`ln_pre`) and none after them, the exact GELU for CLIP's quick one, its own epsilon in the norms, and a
    patch embedding with a bias, here 0. A position embedding for another grid is resized, as in
    every pass of the network.

    Raises `UserError` for another kind of file, for stray or missing names, and for other sizes. As with
    `fill`, the model must not have been compiled outside graph mode.
    """
    source = read(path)
    if source.metadata.get("format") == FORMAT:
        tensors = _of_clip(model, source)
    else:
        try:
            tensors = _under("image.", image_tower(source.tensors, model.config))
        except UserError as error:
            raise UserError(f"{source.path}: {error}") from error
    fill(model.image, tensors, origin=str(source.path))


def _clip(source: Source) -> CLIPConfig:
    """The size of the CLIP in a converted file that holds all of its tensors."""
    kind = identify(source, system="clip")
    try:
        config = config_of(*kind)
    except UserError as error:
        raise UserError(f"{source.path}: {error}") from error
    for name, shape in expected(config).items():
        met = source.tensors[name].shape if name in source.tensors else "no place in the file"
        if met != shape:
            raise UserError(f"{source.path}: tensor {name!r} has {met}, not shape {shape}: convert it again")
    return config


def _of_clip(model: LSeg, source: Source) -> dict[str, Entry]:
    """The tensors of the image tower, by its names, out of CLIP's."""
    clip, vit = _clip(source), model.config.image
    if clip.is_resnet or not isinstance(vit, ViTConfig):
        whose = "this CLIP's" if clip.is_resnet else "the network's"
        raise UserError(
            f"{source.path}: {whose} image tower is a ResNet; only a ViT can start from a CLIP, and from one "
            "with a ViT: give a file of timm or torchvision"
        )
    sizes = {
        "width": (clip.vision_width, vit.width),
        "layers": (clip.vision_layers, vit.layers),
        "heads": (clip.vision_heads, vit.heads),
        "patch_size": (clip.vision_patch_size, vit.patch_size),
    }
    _compare(source, "image tower", sizes)
    own = _under("image.", source.tensors)
    tensors = {name: entry for name, entry in own.items() if name.startswith("blocks.")}
    tensors["patch_embedding.weight"] = own["patch_embedding.weight"]
    arrays = {
        "patch_embedding.bias": np.zeros(vit.width, np.float32),
        "class_token": own["class_embedding"].numbers().reshape(1, 1, -1),
        "position_embedding": _resized(own["positional_embedding"].numbers(), vit.grid)[None],
    }
    return tensors | {name: Entry.of(array) for name, array in arrays.items()}


def _resized(position: np.ndarray, grid: int) -> np.ndarray:
    """Rows (1 + n², width), that of the class first → (1 + grid², width)."""
    position = position.astype(np.float32, copy=False)
    side = round((len(position) - 1) ** 0.5)
    if side == grid:
        return position
    # (n², C) → (1, C, n, n) → (1, C, grid, grid) → (grid², C)
    maps = position[1:].T.reshape(1, -1, side, side)
    maps = bilinear(Tensor(np.ascontiguousarray(maps)), (grid, grid), align_corners=False).asnumpy()
    return np.concatenate([position[:1], maps.reshape(-1, grid * grid).T])


def _compare(source: Source, tower: str, sizes: Mapping[str, tuple[Any, Any]]) -> None:
    """Refuse a tower in which a size, given as (the file's, the network's), differs."""
    differing = [f"{name} {met} (here {own})" for name, (met, own) in sizes.items() if met != own]
    if differing:
        raise UserError(
            f"the {tower} of {source.path} does not fit the network: {', '.join(differing)}; "
            "give the CLIP of that size, or build the network with this one's"
        )


def _under(prefix: str, tensors: Mapping[str, Entry]) -> dict[str, Entry]:
    """The tensors whose names start with `prefix`, without it."""
    return {name.removeprefix(prefix): entry for name, entry in tensors.items() if name.startswith(prefix)}
