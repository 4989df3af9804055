"""Which size of MaskCLIP a set of tensors belongs to, by our names."""

import dataclasses
from collections.abc import Mapping

from ms_ovs.clip.variants import TextConfig
from ms_ovs.errors import UserError
from ms_ovs.models.maskclip.variants import VARIANTS, MaskCLIPConfig

Shapes = Mapping[str, tuple[int, ...]]
FEATURES = {"image.projection": 1, "image.attnpool.c_proj.bias": 0}  # name → axis of their width
HEAD = 64  # channels
GRID = 224  # the resolution of a ResNet, of which nothing depends


def candidates(shapes: Shapes) -> dict[str, MaskCLIPConfig]:
    """The published sizes, and the one that the shapes tell if they are whole, with these words.

    Raises `UserError` where there are no words, two sources of them, or they are of another width than the
    image tower's features.
    """
    classes = _classes(shapes)
    found = dict(VARIANTS)
    if classes:
        found = {name: dataclasses.replace(c, text=None, classes=classes) for name, c in found.items()}
    try:
        text = None if classes else _text(shapes)
        _check_width(shapes, text)
        found["custom"] = MaskCLIPConfig(**_image(shapes), text=text, classes=classes)
    except (KeyError, ValueError):
        pass  # something essential is missing or misshapen: compare with the published sizes alone
    return found


def check(config: MaskCLIPConfig) -> None:
    """Raise `UserError` for heads that do not divide their tower's width."""
    width = config.vision_width * (32 if config.is_resnet else 1)
    if not config.vision_heads or width % config.vision_heads:
        raise UserError(
            f"an image tower of width {width} has no {config.vision_heads} heads: give --set vision_heads=N"
        )
    if config.text and (not config.text.heads or config.text.width % HEAD):
        raise UserError(
            f"a text tower of width {config.text.width} cannot be converted: heads have {HEAD} channels"
        )


def _classes(shapes: Shapes) -> int | None:
    """The number of fixed class embeddings; None where there is a text tower."""
    fixed, tower = "text_embeddings" in shapes, any(name.startswith("text.") for name in shapes)
    if fixed and tower:
        raise UserError(
            "there are class embeddings and a text tower, which makes them: leave one out (--with)"
        )
    if tower:
        return None
    if not fixed:
        raise UserError(
            "there is nothing for the words: give a whole CLIP, or the authors' …_clip_text.pth by --with"
        )
    shape = shapes["text_embeddings"]
    if len(shape) != 2 or not all(shape):
        raise UserError(f"the class embeddings have shape {shape}: they must be (classes, width)")
    return shape[0]


def _check_width(shapes: Shapes, text: TextConfig | None) -> None:
    """See that words and image features can be multiplied."""
    width = text.embed_dim if text else shapes.get("text_embeddings", (0, 0))[1]
    for name, axis in FEATURES.items():
        if name in shapes and shapes[name][axis:] and shapes[name][axis] != width:
            raise UserError(
                f"the class embeddings have width {width}, the image features {shapes[name][axis]}: "
                "words and images must be of the same CLIP"
            )


def _text(shapes: Shapes) -> TextConfig:
    """The size of the text tower. Raises `KeyError` or `ValueError` as `_image`."""
    width, embed_dim = shapes["text.projection"]
    return TextConfig(
        embed_dim=embed_dim,
        width=width,
        heads=width // HEAD,
        layers=_depth(shapes, "text.blocks"),
        context_length=shapes["text.positional_embedding"][0],
        vocab_size=shapes["text.token_embedding"][0],
    )


def _image(shapes: Shapes) -> dict:
    """The fields of the image tower. Raises `KeyError` or `ValueError` for missing or misshapen tensors."""
    if "image.projection" in shapes:
        width, _, patch, _ = shapes["image.patch_embedding.weight"]
        positions, _ = shapes["image.positional_embedding"]
        return {
            "embed_dim": shapes["image.projection"][-1],
            "image_resolution": round((positions - 1) ** 0.5) * patch,
            "vision_layers": _depth(shapes, "image.blocks"),
            "vision_width": width,
            "vision_patch_size": patch,
            "vision_heads": width // HEAD,
        }
    width, *_ = shapes["image.conv3.weight"]
    embed_dim, *_ = shapes["image.attnpool.c_proj.bias"]
    return {
        "embed_dim": embed_dim,
        "image_resolution": GRID,
        "vision_layers": tuple(_depth(shapes, f"image.layer{n}") for n in (1, 2, 3, 4)),
        "vision_width": width,
        "vision_patch_size": None,
        "vision_heads": 32 * width // HEAD,
    }


def _depth(shapes: Shapes, stack: str) -> int:
    start = stack + "."
    return len({name.removeprefix(start).split(".")[0] for name in shapes if name.startswith(start)})
