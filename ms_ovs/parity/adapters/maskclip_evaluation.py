"""Cases of mmsegmentation's reader and of its test protocol around a network of two layers."""

import re
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from mindspore import Tensor, nn
from pydantic import BaseModel, PositiveInt

from ms_ovs.data import mmseg
from ms_ovs.data.transforms import normalise
from ms_ovs.errors import UserError
from ms_ovs.evaluation.whole import Resized, WholeImage, softmax
from ms_ovs.models.checkpoint import fill
from ms_ovs.nn.conv import conv2d
from ms_ovs.parity import schema
from ms_ovs.parity.adapters.maskclip import FloatTolerance
from ms_ovs.parity.case import Case
from ms_ovs.parity.compare import Limit
from ms_ovs.parity.labels import decided

Sides = tuple[PositiveInt, PositiveInt]
GREY = Limit(1.0, "absolute")  # 1 grey level, as the cases say


class InferenceConfig(BaseModel):
    """Window and stride (height, width)."""

    crop_size: Sides
    stride: Sides


class InferenceCase(schema.Case):
    """`maskclip/slide_inference`"""

    inputs: Annotated[dict[str, schema.Images], schema.AtLeastOne]
    config: InferenceConfig
    tolerance: FloatTolerance


class Resizing(BaseModel):
    """The numbers that bound the sides."""

    scale: Sides


class PipelineConfig(BaseModel):
    """Normalisation for values of 0 to 255, RGB, and the scales that were tried."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    results: dict[str, Resizing]


class PipelineCase(schema.Case):
    """`maskclip/pipeline`"""

    inputs: dict[str, schema.Input]
    input_note: str
    config: PipelineConfig
    tolerance: FloatTolerance


class StandIn(nn.Cell):
    """relu(conv(x)) at a quarter of the size, and a 1×1 convolution to scores."""

    def __init__(self, *, channels: int, classes: int):
        super().__init__()
        self.backbone = nn.CellDict({"conv": conv2d(3, channels, 3, stride=4, padding=1, bias=True)})
        self.decode_head = nn.CellDict({"conv": conv2d(channels, classes, 1, bias=True)})
        self.relu = nn.ReLU()

    def construct(self, image):
        """float32 (B,3,H,W) to (B,C,h,w)."""
        return self.decode_head["conv"](self.relu(self.backbone["conv"](image)))


def slide_inference(case: Case) -> Mapping[str, np.ndarray]:
    """Scores, probabilities and labels of the whole image and of windows, mirrored or not."""
    inference = _Inference(case)
    return {output: inference.output(output) for output in case.descriptions}


class _Inference:
    def __init__(self, case: Case):
        self.case = case
        weights = case.weights()
        try:
            channels, classes = (
                weights[f"{part}.conv.bias"].shape[0] for part in ("backbone", "decode_head")
            )
        except KeyError as error:
            raise UserError(f"the state_dict lacks {error}, the stand-in network's") from None
        standin = StandIn(channels=channels, classes=classes).set_train(False)
        fill(standin, weights, origin=case.name)
        self.network = lambda image: standin(Tensor(image)).asnumpy()

    def output(self, name: str) -> np.ndarray:
        """One output, by its name and its description."""
        mode, _, what = name.partition(".")
        align, _, rest = what.rpartition(".")
        protocol = self.protocol(mode, align == "alignTrue")
        image = self.case.input(self.image(name))
        if mode == "windows":
            return np.array(protocol.windows(*image.shape[2:]), np.float32)
        return self.result(protocol, name, rest, image)

    def result(self, protocol: WholeImage, name: str, what: str, image: np.ndarray) -> np.ndarray:
        """Scores of one view, or what becomes of them at the original size."""
        if what == "scores":
            return protocol.scores(self.network, image).all()[None]
        size = self.size(name)
        plain = self.probabilities(protocol, image, size)
        if what == "labels":
            return decided(self.case, name, plain[None])
        if what == "flip_average":
            mirrored = np.ascontiguousarray(image[..., ::-1])
            other = self.probabilities(protocol, mirrored, size)[:, :, ::-1]
            return decided(self.case, name, ((plain + other) / 2)[None])
        if what == "flip":
            return plain[None, :, :, ::-1]
        return plain[None]

    def probabilities(self, protocol: WholeImage, image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        """(C,H,W) at the original size."""
        scores = protocol.scores(self.network, image)
        return softmax(Resized(scores, size, protocol.align_corners).all())

    def protocol(self, mode: str, align_corners: bool) -> WholeImage:
        """The protocol of an output."""
        config = self.case.spec["config"]
        if mode == "whole":
            return WholeImage(align_corners=align_corners)
        window, stride = (tuple(config[name]) for name in ("crop_size", "stride"))
        return WholeImage(window=window, stride=stride, align_corners=align_corners)

    def image(self, name: str) -> str:
        """The input of an output: the one that its name ends with, else the first."""
        inputs = list(self.case.spec["inputs"])
        return next((known for known in inputs if name.endswith(known.removeprefix("input:"))), inputs[0])

    def size(self, name: str) -> tuple[int, int]:
        """(height, width) that the description gives for the whole output."""
        return full_shape(self.case, name)[-2:]


def full_shape(case: Case, output: str) -> tuple[int, ...]:
    """The shape of an output before samples of it were taken."""
    said = re.search(r"full shape \[([\d, ]+)\]", case.descriptions[output])
    if not said:
        raise UserError(f"the description of {output!r} does not give its full shape")
    return tuple(int(number) for number in said.group(1).split(","))


def inference_limits(case: Case) -> dict[str, Limit]:
    """Labels by the share of those that differ; windows exactly."""
    limits = {name: Limit(case.tolerance, "share") for name in case.descriptions if _is_labels(name)}
    return limits | {name: Limit(0.0) for name in case.descriptions if name == "windows"}


def _is_labels(name: str) -> bool:
    return name.endswith((".labels", ".flip_average"))


def pipeline(case: Case) -> Mapping[str, np.ndarray]:
    """Photographs resized and normalised, annotations read, and one training crop with its distortions."""
    return _Pipeline(case).outputs()


class _Pipeline:
    def __init__(self, case: Case):
        self.case = case
        config = case.spec["config"]
        self.mean, self.std = (np.array(config[name]) / 255 for name in ("mean", "std"))
        table = re.search(r"table \[([\d, ]+)\]", case.spec["input_note"])
        if not table:
            raise UserError("input_note does not give the table of annotations")
        values = np.array([int(number) for number in table.group(1).split(",")], np.int32)
        self.annotation = values[case.input("input:label")]

    def outputs(self) -> dict[str, np.ndarray]:
        """All outputs; photographs are BGR."""
        ours: dict[str, np.ndarray] = {}
        for name, result in self.case.spec["config"]["results"].items():
            image = self.photo(name)
            small = mmseg.resized(image, mmseg.fitted_size(*image.shape[:2], result["scale"]))
            ours[f"{name}.resized"] = small
            ours[f"{name}.normalised"] = self.normalised(small)
        read = self.annotations()
        return ours | read | self.training(ours, read["annotation.reduced_suppressed"])

    def photo(self, name: str) -> np.ndarray:
        """The photograph of a result: the one that its name begins with, else `input:image`."""
        known = f"input:{name.split('_')[0]}"
        return self.case.input(known if known in self.case.spec["inputs"] else "input:image")

    def normalised(self, bgr: np.ndarray) -> np.ndarray:
        """float32 (3,H,W), RGB."""
        return normalise(bgr[:, :, ::-1], self.mean, self.std)

    def annotations(self) -> dict[str, np.ndarray]:
        """The annotation as stored, without zero, and with labels hidden."""
        reduced = mmseg.without_zero(self.annotation)
        ours = {"annotation.plain": self.annotation, "annotation.reduced": reduced}
        for name in ("annotation.reduced_suppressed", "annotation.all_suppressed"):
            said = self.case.descriptions.get(name, "")
            ours[name] = mmseg.suppressed(reduced, _classes(said.partition(",")[2]))
        return ours

    def training(self, results: Mapping[str, np.ndarray], annotation: np.ndarray) -> dict[str, np.ndarray]:
        """One crop: mirrored, distorted in two orders, normalised and padded."""
        said = self.case.descriptions
        size = full_shape(self.case, "train.annotation_resized")
        image = next(array for name, array in results.items() if array.shape == (*size, 3))
        labels = mmseg.resized_labels(annotation, size)
        span = r"rows (\d+)\.\.(\d+), columns (\d+)\.\.(\d+)"
        top, bottom, left, right = _numbers(span, said["train.cropped_flipped"])
        window = slice(top, bottom + 1), slice(left, right + 1)
        image, crop = (np.ascontiguousarray(array[window][:, ::-1]) for array in (image, labels))
        ours = {"train.annotation_resized": labels, "train.cropped_flipped": image}
        for mode in (0, 1):
            name = f"train.photometric_mode{mode}"
            distortion = _distortion(said[name], contrast_last=mode == 0)
            ours[name] = distortion(image[:, :, ::-1].copy())[:, :, ::-1]
        distorted = self.normalised(ours["train.photometric_mode1"])
        ours["train.image"] = mmseg.padded(distorted, full_shape(self.case, "train.image")[-2:], 0)
        final = mmseg.padded(crop, full_shape(self.case, "train.annotation"), mmseg.IGNORED)
        return ours | {"train.annotation": final}


def pipeline_limits(case: Case) -> dict[str, Limit]:
    """Photographs to a grey level, annotations exactly."""
    limits: dict[str, Any] = {}
    for name in case.descriptions:
        if name.startswith(("annotation.", "train.annotation")):
            limits[name] = Limit(0.0)
        elif "uint8" in case.descriptions[name] or "photometric" in name:
            limits[name] = GREY
    return limits


def _distortion(said: str, contrast_last: bool) -> mmseg.Distortion:
    brightness, contrast, saturation, hue = (
        _numbers(pattern, said, float)[0]
        for pattern in (
            r"brightness ([+-][\d.]+)",
            r"contrast x([\d.]+)",
            r"saturation x([\d.]+)",
            r"hue ([+-]\d+)",
        )
    )
    return mmseg.Distortion(brightness, contrast, saturation, int(hue), contrast_last)


def _numbers(pattern: str, text: str, kind: type = int) -> list:
    found = re.search(pattern, text)
    if not found:
        raise UserError(f"case.json does not say how the inputs are made: nothing fits {pattern!r}")
    return [kind(number) for number in found.groups()]


def _classes(said: str) -> list[int]:
    """The numbers of "0, 1 and 4" and of "0..58"."""
    if span := re.search(r"(\d+)\.\.(\d+)", said):
        return list(range(int(span.group(1)), int(span.group(2)) + 1))
    return [int(number) for number in re.findall(r"\d+", said.partition("(")[0])]
