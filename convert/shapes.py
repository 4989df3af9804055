"""The tensors that a network of a given size must have: target name → shape."""

from collections.abc import Iterator

from ms_ovs.clip.variants import CLIPConfig, TextConfig
from ms_ovs.models.lseg.variants import LSegConfig, ViTConfig

Shapes = dict[str, tuple[int, ...]]
Named = Iterator[tuple[str, tuple[int, ...]]]


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
        shapes.update(_batch_norm("image.bn1", stem))
        shapes.update(_bottlenecks(config.image, stem))
    shapes.update(_decoder(config))
    if config.arch_option:
        shapes.update({"head_block.conv.weight": (1, 1, 3, 3), "head_block.conv.bias": (1,)})
    return shapes


def _norm(name: str, width: int) -> Named:
    yield f"{name}.gamma", (width,)
    yield f"{name}.beta", (width,)


def _batch_norm(name: str, width: int) -> Named:
    yield from _norm(name, width)
    yield f"{name}.moving_mean", (width,)
    yield f"{name}.moving_variance", (width,)


def _conv(name: str, *shape: int) -> Named:
    """A convolution with weight and bias; transposed ones here have as many inputs as outputs."""
    yield f"{name}.weight", shape
    yield f"{name}.bias", (shape[0],)


def _linear(name: str, inputs: int, outputs: int) -> Named:
    yield f"{name}.weight", (inputs, outputs)
    yield f"{name}.bias", (outputs,)


def _blocks(name: str, count: int, width: int) -> Named:
    for k in range(count):
        block = f"{name}.{k}"
        yield from _norm(f"{block}.ln_1", width)
        yield from _linear(f"{block}.attn.qkv", width, 3 * width)
        yield from _linear(f"{block}.attn.proj", width, width)
        yield from _norm(f"{block}.ln_2", width)
        yield from _linear(f"{block}.mlp.fc1", width, 4 * width)
        yield from _linear(f"{block}.mlp.fc2", 4 * width, width)


def _text(text: TextConfig) -> Named:
    yield "text.token_embedding", (text.vocab_size, text.width)
    yield "text.positional_embedding", (text.context_length, text.width)
    yield from _blocks("text.blocks", text.layers, text.width)
    yield from _norm("text.ln_final", text.width)
    yield "text.projection", (text.width, text.embed_dim)


def _clip_vit(config: CLIPConfig) -> Named:
    width, patch = config.vision_width, config.vision_patch_size
    yield "image.class_embedding", (width,)
    yield "image.positional_embedding", ((config.image_resolution // patch) ** 2 + 1, width)
    yield "image.patch_embedding.weight", (width, 3, patch, patch)
    yield from _norm("image.ln_pre", width)
    yield from _blocks("image.blocks", config.vision_layers, width)
    yield from _norm("image.ln_post", width)
    yield "image.projection", (width, config.embed_dim)


def _clip_resnet(config: CLIPConfig) -> Named:
    width = config.vision_width
    stem = ((3, width // 2), (width // 2, width // 2), (width // 2, width))
    for n, (inputs, outputs) in enumerate(stem, start=1):
        yield f"image.conv{n}.weight", (outputs, inputs, 3, 3)
        yield from _batch_norm(f"image.bn{n}", outputs)
    yield from _bottlenecks(config.vision_layers, width)
    features = 32 * width
    cells = (config.image_resolution // 32) ** 2
    yield "image.attnpool.positional_embedding", (cells + 1, features)
    for letter in "qkv":
        yield from _linear(f"image.attnpool.{letter}_proj", features, features)
    yield from _linear("image.attnpool.c_proj", features, config.embed_dim)


def _bottlenecks(depths: tuple[int, ...], width: int) -> Named:
    """The four stages of a ResNet whose stem gives `width` channels."""
    inputs = width
    for stage, depth in enumerate(depths, start=1):
        inner = width * 2 ** (stage - 1)
        for k in range(depth):
            block = f"image.layer{stage}.{k}"
            kernels = ((inner, inputs, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1))
            for n, kernel in enumerate(kernels, start=1):
                yield f"{block}.conv{n}.weight", kernel
                yield from _batch_norm(f"{block}.bn{n}", kernel[0])
            if k == 0:
                yield f"{block}.downsample.conv.weight", (4 * inner, inputs, 1, 1)
                yield from _batch_norm(f"{block}.downsample.bn", 4 * inner)
            inputs = 4 * inner


def _timm_vit(vit: ViTConfig) -> Named:
    yield "image.class_token", (1, 1, vit.width)
    yield "image.position_embedding", (1, vit.grid**2 + 1, vit.width)
    yield from _conv("image.patch_embedding", vit.width, 3, vit.patch_size, vit.patch_size)
    yield from _blocks("image.blocks", vit.layers, vit.width)


def _reassemble(config: LSegConfig) -> Named:
    width = config.image.width
    for n, (channels, factor) in enumerate(zip(config.widths, config.resample, strict=True), start=1):
        yield from _linear(f"reassemble{n}.readout", 2 * width, width)
        yield from _conv(f"reassemble{n}.project", channels, width, 1, 1)
        if factor != 1:
            kernel = factor if factor > 1 else 3  # a transposed convolution grows, a strided one shrinks
            yield from _conv(f"reassemble{n}.resample", channels, channels, kernel, kernel)


def _decoder(config: LSegConfig) -> Named:
    features = config.features
    for n, channels in enumerate(config.widths, start=1):
        yield f"decoder.reduce{n}.weight", (features, channels, 3, 3)
        for unit in (1, 2) if n < 4 else (2,):
            for k in (1, 2):
                yield f"decoder.fusion{n}.unit{unit}.conv{k}.weight", (features, features, 3, 3)
                yield from _batch_norm(f"decoder.fusion{n}.unit{unit}.bn{k}", features)
        yield from _conv(f"decoder.fusion{n}.out_conv", features, features, 1, 1)
    yield from _conv("head", config.text.embed_dim, features, 1, 1)
