"""Rules that several tables share: how torch names the tensors of common layers, and how we do."""

from convert.hooks import PIXELWISE, TRANSPOSE
from convert.rules import Rule, carry, rule

Names = tuple[str, str]
TORCH_NORM: Names = ("weight", "bias")


def linear(source: str, target: str, separator: str = ".") -> list[Rule]:
    """Weight and bias of a linear layer: torch keeps (outputs, inputs), we (inputs, outputs).

    `separator` stands between the name of the layer and "weight" or "bias" in the source.
    """
    return [
        rule(f"{source}{separator}weight", f"{target}.weight", TRANSPOSE),
        rule(f"{source}{separator}bias", f"{target}.bias"),
    ]


def conv(source: str, target: str) -> list[Rule]:
    """Weight and bias of a convolution, laid out alike."""
    return [rule(f"{source}.{name}", f"{target}.{name}") for name in ("weight", "bias")]


def pixelwise(source: str, target: str) -> list[Rule]:
    """Weight (outputs, inputs) and bias of a linear layer, which is a 1×1 convolution with us."""
    return [
        rule(f"{source}.weight", f"{target}.weight", PIXELWISE),
        rule(f"{source}.bias", f"{target}.bias"),
    ]


def conv_unit(source: str, target: str) -> list[Rule]:
    """A convolution without bias, and batch norm (mmcv's ConvModule)."""
    return [
        rule(f"{source}.conv.weight", f"{target}.conv.weight"),
        *batch_norm(f"{source}.bn", f"{target}.bn"),
    ]


def norm(source: str, target: str, names: Names = TORCH_NORM) -> list[Rule]:
    """Scale and shift of a layer norm; `names` are the source's."""
    return [
        rule(f"{source}.{theirs}", f"{target}.{ours}")
        for theirs, ours in zip(names, ("gamma", "beta"), strict=True)
    ]


def batch_norm(source: str, target: str) -> list[Rule]:
    """Scale, shift and running statistics; the count of batches is of no use."""
    return [
        *norm(source, target),
        rule(f"{source}.running_mean", f"{target}.moving_mean"),
        rule(f"{source}.running_var", f"{target}.moving_variance"),
        carry(f"{source}.num_batches_tracked"),
    ]


def bottlenecks(source: str, target: str) -> list[Rule]:
    """One stage of ResNet bottlenecks; `source` and `target` are the names of a block, number included."""
    return [
        rule(f"{source}.conv{{}}.weight", f"{target}.conv{{}}.weight"),
        *batch_norm(f"{source}.bn{{}}", f"{target}.bn{{}}"),
        rule(f"{source}.downsample.0.weight", f"{target}.downsample.conv.weight"),
        *batch_norm(f"{source}.downsample.1", f"{target}.downsample.bn"),
    ]
