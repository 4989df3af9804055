"""The tensors of common layers by our names: (name, shape), one after the other."""

from collections.abc import Iterator, Sequence

Shapes = dict[str, tuple[int, ...]]
Named = Iterator[tuple[str, tuple[int, ...]]]


def norm(name: str, width: int) -> Named:
    """Scale and shift of a layer norm."""
    yield f"{name}.gamma", (width,)
    yield f"{name}.beta", (width,)


def batch_norm(name: str, width: int) -> Named:
    """Scale, shift and running statistics."""
    yield from norm(name, width)
    yield f"{name}.moving_mean", (width,)
    yield f"{name}.moving_variance", (width,)


def conv(name: str, *shape: int) -> Named:
    """A convolution with weight and bias; transposed ones here have as many inputs as outputs."""
    yield f"{name}.weight", shape
    yield f"{name}.bias", (shape[0],)


def conv_unit(name: str, *shape: int) -> Named:
    """A convolution without bias, and batch norm."""
    yield f"{name}.conv.weight", shape
    yield from batch_norm(f"{name}.bn", shape[0])


def linear(name: str, inputs: int, outputs: int) -> Named:
    """A linear layer with weight and bias."""
    yield f"{name}.weight", (inputs, outputs)
    yield f"{name}.bias", (outputs,)


def bottlenecks(name: str, depths: Sequence[int], width: int) -> Named:
    """The four stages `name`1, … of a ResNet whose stem gives `width` channels."""
    inputs = width
    for stage, depth in enumerate(depths, start=1):
        inner = width * 2 ** (stage - 1)
        for k in range(depth):
            block = f"{name}{stage}.{k}"
            kernels = ((inner, inputs, 1, 1), (inner, inner, 3, 3), (4 * inner, inner, 1, 1))
            for n, kernel in enumerate(kernels, start=1):
                yield f"{block}.conv{n}.weight", kernel
                yield from batch_norm(f"{block}.bn{n}", kernel[0])
            if k == 0:
                yield from conv_unit(f"{block}.downsample", 4 * inner, inputs, 1, 1)
            inputs = 4 * inner
