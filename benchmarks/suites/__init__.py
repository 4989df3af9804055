"""What can be measured, by name; a suite returns the rows of its table."""

from collections.abc import Callable

from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.suites import (
    clip,
    conversion,
    evaluation,
    lseg,
    maskclip_plus,
    pipeline,
    scaling,
    segformer,
    startup,
    text,
    training,
    vocabulary,
)

SUITES: dict[str, Callable[[Setting], list[Row]]] = {
    "clip": clip.measure,
    "text": text.measure,
    "lseg": lseg.measure,
    "vocabulary": vocabulary.measure,
    "segformer": segformer.measure,
    "maskclip_plus": maskclip_plus.measure,
    "training": training.measure,
    "scaling": scaling.measure,
    "pipeline": pipeline.measure,
    "evaluation": evaluation.measure,
    "conversion": conversion.measure,
    "startup": startup.measure,
}
