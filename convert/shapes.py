"""The tensors that a network of a given size must have: target name → shape."""

from convert.shape_parts import Named, Shapes, batch_norm, bottlenecks, conv, linear, norm
from ms_ovs.clip.variants import CLIPConfig, TextConfig
from ms_ovs.models.lseg.variants import LSegConfig, ViTConfig
from ms_ovs.models.maskclip.variants import MaskCLIPConfig


def clip(config: CLIPConfig) -> Shapes:
    """The tensors of a CLIP."""
    image = _clip_resnet(config) if config.is_resnet else _clip_vit(config)
    return {"logit_scale": (), **dict(_text(config.text)), **dict(image)}


def lseg(config: LSegConfig) -> Shapes:
    """The tensors of an LSeg network: text and image tower, decoder and, with an arch_option, the block."""
    shapes = dict(_text(config.text))
    if isinstance(config.image, ViTConfig):
        shapes.update(_timm_vit(config.image))
        shapes.update(_reassemble(config))
    else:
        stem = config.widths[0] // 4  # bottlenecks widen fourfold
        shapes["image.conv1.weight"] = (stem, 3, 7, 7)
        shapes.update(batch_norm("image.bn1", stem))
        shapes.update(bottlenecks("image.layer", config.image, stem))
    shapes.update(_decoder(config))
    if config.arch_option:
        shapes.update({"head_block.conv.weight": (1, 1, 3, 3), "head_block.conv.bias": (1,)})
    return shapes


def maskclip(config: MaskCLIPConfig) -> Shapes:
    """The tensors of a MaskCLIP: a CLIP's image tower, and its text tower or fixed class embeddings."""
    shapes = dict(_clip_resnet(config) if config.is_resnet else _clip_vit(config))
    shapes.pop("image.attnpool.positional_embedding", None)  # the pool is opened
    if config.text:
        shapes.update(_text(config.text))
    if config.classes:
        shapes["text_embeddings"] = (config.classes, config.embed_dim)
    return shapes


def _blocks(name: str, count: int, width: int) -> Named:
    for k in range(count):
        block = f"{name}.{k}"
        yield from norm(f"{block}.ln_1", width)
        yield from linear(f"{block}.attn.qkv", width, 3 * width)
        yield from linear(f"{block}.attn.proj", width, width)
        yield from norm(f"{block}.ln_2", width)
        yield from linear(f"{block}.mlp.fc1", width, 4 * width)
        yield from linear(f"{block}.mlp.fc2", 4 * width, width)


def _text(text: TextConfig) -> Named:
    yield "text.token_embedding", (text.vocab_size, text.width)
    yield "text.positional_embedding", (text.context_length, text.width)
    yield from _blocks("text.blocks", text.layers, text.width)
    yield from norm("text.ln_final", text.width)
    yield "text.projection", (text.width, text.embed_dim)


def _clip_vit(config: CLIPConfig | MaskCLIPConfig) -> Named:
    width, patch = config.vision_width, config.vision_patch_size
    yield "image.class_embedding", (width,)
    yield "image.positional_embedding", ((config.image_resolution // patch) ** 2 + 1, width)
    yield "image.patch_embedding.weight", (width, 3, patch, patch)
    yield from norm("image.ln_pre", width)
    yield from _blocks("image.blocks", config.vision_layers, width)
    yield from norm("image.ln_post", width)
    yield "image.projection", (width, config.embed_dim)


def _clip_resnet(config: CLIPConfig | MaskCLIPConfig) -> Named:
    width = config.vision_width
    stem = ((3, width // 2), (width // 2, width // 2), (width // 2, width))
    for n, (inputs, outputs) in enumerate(stem, start=1):
        yield f"image.conv{n}.weight", (outputs, inputs, 3, 3)
        yield from batch_norm(f"image.bn{n}", outputs)
    yield from bottlenecks("image.layer", config.vision_layers, width)
    features = 32 * width
    cells = (config.image_resolution // 32) ** 2
    yield "image.attnpool.positional_embedding", (cells + 1, features)
    for letter in "qkv":
        yield from linear(f"image.attnpool.{letter}_proj", features, features)
    yield from linear("image.attnpool.c_proj", features, config.embed_dim)


def _timm_vit(vit: ViTConfig) -> Named:
    yield "image.class_token", (1, 1, vit.width)
    yield "image.position_embedding", (1, vit.grid**2 + 1, vit.width)
    yield from conv("image.patch_embedding", vit.width, 3, vit.patch_size, vit.patch_size)
    yield from _blocks("image.blocks", vit.layers, vit.width)


def _reassemble(config: LSegConfig) -> Named:
    width = config.image.width
    for n, (channels, factor) in enumerate(zip(config.widths, config.resample, strict=True), start=1):
        yield from linear(f"reassemble{n}.readout", 2 * width, width)
        yield from conv(f"reassemble{n}.project", channels, width, 1, 1)
        if factor != 1:
            kernel = factor if factor > 1 else 3  # a transposed convolution grows, a strided one shrinks
            yield from conv(f"reassemble{n}.resample", channels, channels, kernel, kernel)


def _decoder(config: LSegConfig) -> Named:
    features = config.features
    for n, channels in enumerate(config.widths, start=1):
        yield f"decoder.reduce{n}.weight", (features, channels, 3, 3)
        for unit in (1, 2) if n < 4 else (2,):
            for k in (1, 2):
                yield f"decoder.fusion{n}.unit{unit}.conv{k}.weight", (features, features, 3, 3)
                yield from batch_norm(f"decoder.fusion{n}.unit{unit}.bn{k}", features)
        yield from conv(f"decoder.fusion{n}.out_conv", features, features, 1, 1)
    yield from conv("head", config.text.embed_dim, features, 1, 1)
