"""What can be measured, by name; a suite returns the rows of its table."""

from collections.abc import Callable

from benchmarks.rows import Row
from benchmarks.setting import Setting
from benchmarks.suites import clip, conversion, lseg, startup, text, vocabulary

SUITES: dict[str, Callable[[Setting], list[Row]]] = {
    "clip": clip.measure,
    "text": text.measure,
    "lseg": lseg.measure,
    "vocabulary": vocabulary.measure,
    "conversion": conversion.measure,
    "startup": startup.measure,
}
