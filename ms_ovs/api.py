"""Photographs and words in, label maps out: the Python interface."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import mindspore as ms
import numpy as np
from mindspore import nn
from PIL import Image

import ms_ovs
from ms_ovs import images, runtime
from ms_ovs.data.transforms import normalise
from ms_ovs.errors import UserError
from ms_ovs.evaluation.sliding import Progress, SlidingWindow
from ms_ovs.models.checkpoint import load_model
from ms_ovs.segmentation import Segmentation
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "lseg"  # the system whose cells score every pixel for every word
NATIVE = "native"
LONG_SIDES = range(32, 20001)  # pixels: one place of the network's coarsest map; gigabytes of image

Photo = str | Path | Image.Image | np.ndarray
Labels = str | Path | Sequence[str] | Vocabulary


class Segmenter:
    """Segments photographs by words, with a converted checkpoint.

    Called with a photograph (path, Pillow image or uint8 array (H,W,3)) and labels (see
    `ms_ovs.vocab.labels`) it returns a `Segmentation`. A class may have synonyms: each is scored for
    itself, and **the score of a class is the maximum over its synonyms**, pixel by pixel. Of equal
    scores the first wins.

    - `device` is "CPU", "GPU" or "Ascend"; with `fallback` a missing one is replaced by the CPU.
      `mode` is "graph" or "pynative". Both are MindSpore's settings for the whole process, made here.
    - `templates` is the name of a list of prompts ("none": the bare words, as LSeg was trained).
    - `merges` is CLIP's vocabulary file; None looks for it where `ms-ovs vocab install` puts it.
      `cache` is the folder for embeddings of words; None is the user's own, False keeps none.
    - `long_side` is the size to which a photograph is brought, in pixels. Above the network's window
      (480), windows slide over it. None is the authors' own (520); "native" keeps the photograph's
      size, for large ones with small things; `whole` makes it fit one window, the fastest.
    - `scales` and `flip` add the scores of further sizes and of mirrored windows, as in the authors' test.
    - `batch` windows go through the network at a time; the graph is compiled for so many.

    The model is loaded, the words encoded and the graph compiled when they are first needed; `load`,
    `encode` and `compile` do it beforehand. Raises `UserError` for settings that are not possible, and
    later for a checkpoint that is damaged or of a system that cannot segment.
    """

    def __init__(
        self,
        checkpoint: str | Path,
        *,
        device: str = "CPU",
        mode: str = "graph",
        fallback: bool = False,
        templates: str = "none",
        merges: str | Path | None = None,
        cache: str | Path | Literal[False] | None = None,
        whole: bool = False,
        long_side: int | str | None = None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        batch: int = 1,
    ):
        if whole and long_side is not None:
            raise UserError(f"whole and long side {long_side!r} contradict each other: give one of them")
        self.device = runtime.setup(device, mode, fallback=fallback)
        self.checkpoint = str(checkpoint)
        self.templates = templates
        self._prompts = prompts.get(templates)
        self._tokenizer = Tokenizer(merges)
        self._cache = cache
        self._whole, self._long_side = whole, _long_side(long_side)
        self._scales, self._flip = tuple(scales), flip
        if not self._scales or min(self._scales) <= 0:
            raise UserError(f"scales {self._scales}: give at least one, all above 0")
        if batch < 1:
            raise UserError(f"batch {batch}: it must be 1 or more windows")
        self._batch = batch
        self._model: nn.Cell | None = None
        self._origin: dict[str, str] = {}  # what the record says of the checkpoint
        self._words: tuple[str, ...] | None = None
        self._embeddings: ms.Tensor | None = None

    @classmethod
    def from_model(
        cls, model: nn.Cell, *, sha256: str, system: str = SYSTEM, variant: str = "custom", **settings
    ) -> "Segmenter":
        """A segmenter around a model that is in memory; `settings` are those of the class.

        `sha256` is the hash of its weights. It names the embeddings in the cache, so it must be another
        one for other weights.
        """
        segmenter = cls("the model in memory", **settings)
        segmenter._model = model
        segmenter._origin = {"sha256": sha256, "system": system, "variant": variant}
        return segmenter

    def check(self, labels: Labels) -> Vocabulary:
        """Read `labels` and see that every prompt fits the network; needs no model.

        Raises `UserError` for what is wrong with them.
        """
        vocabulary = _vocabulary(labels)
        self._tokenizer([prompts.fill(t, word) for word in vocabulary.words for t in self._prompts])
        return vocabulary

    def load(self) -> None:
        """Load the model, unless that is done."""
        if self._model is None:
            self._model, found = load_model(self.checkpoint, system=SYSTEM)
            self._origin = {"sha256": found.sha256, "system": found.system, "variant": found.variant}

    def encode(self, labels: Labels, *, progress: bool = True) -> None:
        """Make the embeddings of the words, unless they are those of the last call."""
        self.load()
        self._text(_vocabulary(labels), progress)

    def compile(self, labels: Labels) -> None:
        """Compile the graph for as many words as `labels` has; in pynative mode there is nothing to do.

        A later call with as many words, of whatever photograph, compiles nothing again.
        """
        self.encode(labels)
        if ms.get_context("mode") == ms.GRAPH_MODE:
            crop = self._model.config.crop_size
            self._model.compile(
                ms.Tensor(np.zeros((self._batch, 3, crop, crop), np.float32)), self._embeddings
            )

    def __call__(self, image: Photo, labels: Labels, *, progress: Progress | None = None) -> Segmentation:
        """Segment one photograph; `progress` is told (calls done, calls in all) after each call."""
        vocabulary = _vocabulary(labels)
        rgb = images.as_rgb(image)
        self.load()
        text = self._text(vocabulary, progress=True)
        start = time.perf_counter()
        windows = self._windows(*rgb.shape[:2])
        pixels = normalise(rgb, windows.mean, windows.std)[None]
        channels = windows.label_map(self._network(text), pixels, progress)
        owner = np.repeat(
            np.arange(len(vocabulary), dtype=np.int32), [len(group) for group in vocabulary.synonyms]
        )
        label_map = owner[channels]
        counts = np.bincount(label_map.ravel(), minlength=len(vocabulary))
        return Segmentation(
            label_map=label_map,
            names=vocabulary.names,
            shares=tuple((counts / label_map.size).tolist()),
            image=rgb,
            record={
                "photo": Path(image).name if isinstance(image, str | Path) else None,
                **self.record(vocabulary, *rgb.shape[:2]),
                "seconds": round(time.perf_counter() - start, 3),
            },
        )

    def record(self, labels: Labels, height: int, width: int) -> dict[str, Any]:
        """How a photograph of this size is segmented: checkpoint, prompts, windows, versions, device."""
        self.load()
        windows = self._windows(height, width)
        return {
            "checkpoint": self._origin,
            "templates": str(self.templates),
            "synonyms": [list(group) for group in _vocabulary(labels).synonyms],
            "windows": {
                "long_side": windows.base_size,
                "crop_size": windows.crop_size,
                "scales": list(windows.scales),
                "flip": windows.flip,
                "batch": windows.batch,
                "calls": windows.calls(height, width),
            },
            "versions": {
                "ms_ovs": ms_ovs.__version__,
                "mindspore": ms.__version__,
                "numpy": np.__version__,
            },
            "device": self.device,
        }

    def _text(self, vocabulary: Vocabulary, progress: bool) -> ms.Tensor:
        """Embeddings (words, D) of the vocabulary; those of the last one are kept."""
        if self._words != vocabulary.words:
            rows = embed(
                self._model.encode_text,
                vocabulary,
                tokenizer=self._tokenizer,
                templates=self._prompts,
                weights_hash=self._origin["sha256"],
                cache=self._cache,
                progress=progress,
            )
            self._embeddings, self._words = ms.Tensor(rows), vocabulary.words
        return self._embeddings

    def _windows(self, height: int, width: int) -> SlidingWindow:
        config = self._model.config
        sizes = {None: config.crop_size if self._whole else config.base_size, NATIVE: max(height, width)}
        return SlidingWindow(
            base_size=sizes.get(self._long_side, self._long_side),
            crop_size=config.crop_size,
            scales=self._scales,
            flip=self._flip,
            mean=config.mean,
            std=config.std,
            batch=self._batch,
        )

    def _network(self, text: ms.Tensor):
        def network(window: np.ndarray) -> np.ndarray:
            scores = self._model(ms.Tensor(window), text).asnumpy()
            if not np.isfinite(scores.sum()):
                raise UserError(
                    f"the scores of {self.checkpoint} are not finite numbers: its weights are damaged, "
                    "convert them again"
                )
            return scores

        return network


def _vocabulary(labels: Labels) -> Vocabulary:
    return labels if isinstance(labels, Vocabulary) else vocabularies.parse(labels)


def _long_side(value: int | str | None) -> int | str | None:
    if value is None or value == NATIVE:
        return value
    try:
        size = int(value)
    except ValueError:
        size = 0
    if size not in LONG_SIDES:
        least, most = LONG_SIDES[0], LONG_SIDES[-1]
        raise UserError(f"long side {value!r}: it must be {NATIVE!r} or {least} to {most} pixels")
    return size
