"""Photographs and words in, label maps out: the Python interface."""

import functools
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import mindspore as ms
import numpy as np
from mindspore import nn
from PIL import Image

import ms_ovs
from convert import read
from ms_ovs import images, runtime
from ms_ovs.errors import UserError
from ms_ovs.evaluation.sliding import Progress
from ms_ovs.models.checkpoint import load_config, load_model
from ms_ovs.models.maskclip.global_prediction import GlobalPrediction
from ms_ovs.passage import Views, Whole, Windowed, passage_of
from ms_ovs.segmentation import Segmentation
from ms_ovs.vocab import labels as vocabularies
from ms_ovs.vocab import templates as prompts
from ms_ovs.vocab.embeddings import embed
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.systems import STYLES
from ms_ovs.vocab.tokenizer import Tokenizer

SYSTEM = "lseg"  # of a model in memory, unless it says otherwise
# All that segment. SegFormer has the classes of its training.
SYSTEMS = (SYSTEM, "maskclip", "maskclip_plus", "segformer")

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
    - `templates` is the name of a list of prompts; None is the system's own ("none", the bare words, for
      LSeg).
    - `merges` is CLIP's vocabulary file; None looks for it where `ms-ovs vocab install` puts it.
      `cache` is the folder for embeddings of words; None is the user's own, False keeps none.
    - `long_side` is the size to which a photograph is brought, in pixels. Above the network's window
      (480), windows slide over it. None is the authors' own (520); "native" keeps the photograph's
      size, for large ones with small things; `whole` makes it fit one window, the fastest.
    - `scales` and `flip` add the scores of further sizes and of mirrored windows, as in the authors' test.
    - `batch` windows go through the network at a time; the graph is compiled for so many.

    - `options` replace those of the checkpoint: {"pd_thresh": 0.5, "ks_thresh": 1.0} for MaskCLIP
      (`convert.options.SETTABLE`).
    - `class_weights` is the file of a CLIP (`ms_ovs.models.maskclip.global_prediction`) whose prediction
      for the whole photograph weighs MaskCLIP's classes.

    A SegFormer, or a MaskCLIP with fixed class embeddings, knows its own classes alone: labels are then their
    names, as many and in the same order, and prompts, synonyms, merges and cache play no part.

    MaskCLIP has no windows: a photograph goes through it as a whole, one at a time, with its long and short
    side within the `scale` of its config, or its long side at most `long_side`. A graph is compiled for
    each new size of its grid; in pynative mode none is.

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
        templates: str | Path | None = None,
        merges: str | Path | None = None,
        cache: str | Path | Literal[False] | None = None,
        whole: bool = False,
        long_side: int | str | None = None,
        scales: Sequence[float] = (1.0,),
        flip: bool = False,
        batch: int = 1,
        options: Mapping[str, Any] | None = None,
        class_weights: str | Path | None = None,
    ):
        self._views = Views.of(whole=whole, long_side=long_side, scales=scales, flip=flip, batch=batch)
        self.device = runtime.setup(device, mode, fallback=fallback)
        self.checkpoint = str(checkpoint)
        self._templates = templates
        if templates is not None:
            prompts.get(templates)
        self._merges = merges
        self._cache = cache
        self._options, self._class_weights = options, class_weights
        self._model: nn.Cell | None = None
        self._global: GlobalPrediction | None = None
        self._global_text: np.ndarray | None = None
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
        if not self._has_own_classes(vocabulary):
            self._tokenizer([prompts.fill(t, word) for word in vocabulary.words for t in self._prompts])
        return vocabulary

    def load(self) -> None:
        """Load the model, and the CLIP of class weights, unless that is done."""
        if self._model is None:
            self._model, found = load_model(self.checkpoint, system=SYSTEMS, options=self._options)
            self._origin = {"sha256": found.sha256, "system": found.system, "variant": found.variant}
        weighs = self._passage.weighs(self._config)
        if self._class_weights and not weighs:
            raise UserError(f"class weights are MaskCLIP's, and {self.checkpoint} is none: leave them out")
        if self._class_weights and self._global is None:
            self._global = GlobalPrediction(self._class_weights)

    def encode(self, labels: Labels, *, progress: bool = True) -> None:
        """Make the embeddings of the words, unless they are those of the last call."""
        self.load()
        self._words_in(_vocabulary(labels), progress)

    def compile(self, labels: Labels) -> None:
        """Compile the graph for as many words as `labels` has; in pynative mode there is nothing to do.

        A later call with as many words, of whatever photograph, compiles nothing again. Where photographs
        have no size in common (`one_size`), nothing can be done beforehand.
        """
        self.load()
        words = self._words_in(_vocabulary(labels), progress=True)
        if self.one_size and ms.get_context("mode") == ms.GRAPH_MODE:
            self._passage.compile(self._model, *words)

    def __call__(self, image: Photo, labels: Labels, *, progress: Progress | None = None) -> Segmentation:
        """Segment one photograph; `progress` is told (calls done, calls in all) after each call."""
        vocabulary = _vocabulary(labels)
        rgb = images.as_rgb(image)
        self.load()
        words = self._words_in(vocabulary, progress=True)
        start = time.perf_counter()
        protocol = self._passage.protocol(self._config, *rgb.shape[:2])
        channels = protocol.segment(self._network(rgb, *words), rgb, progress)
        own = self._has_own_classes(vocabulary)
        counts = 1 if own else [len(group) for group in vocabulary.synonyms]
        label_map = np.repeat(np.arange(len(vocabulary), dtype=np.int32), counts)[channels]
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
        return {
            "checkpoint": self._origin,
            "templates": self.templates,
            "synonyms": [list(group) for group in _vocabulary(labels).synonyms],
            **self.settings,
            "windows": self._passage.protocol(self._config, height, width).record(height, width),
            "versions": versions(),
            "device": self.device,
        }

    @functools.cached_property
    def settings(self) -> dict[str, Any]:
        """What the network is told beside its checkpoint: options, the hash of the CLIP of class weights."""
        told: dict[str, Any] = {"options": dict(self._options)} if self._options else {}
        if self._class_weights:
            told["class_weights"] = read(self._class_weights).sha256
        return told

    @property
    def own_classes(self) -> int | None:
        """How many classes of its own the network has; None if it takes any words."""
        return getattr(self._config, "channels", None) or getattr(self._config, "classes", None)

    @property
    def templates(self) -> str:
        """The name of the list of prompts: the one given, or the system's own."""
        if self._templates is not None:
            return str(self._templates)
        return STYLES[self._passage.style].templates

    @property
    def one_size(self) -> bool:
        """Whether the network gets all photographs at one size, so that one graph serves them."""
        return self._passage.one_size

    @property
    def _config(self):
        return load_config(self.checkpoint, system=SYSTEMS) if self._model is None else self._model.config

    @functools.cached_property
    def _passage(self) -> Windowed | Whole:
        return passage_of(self._config)(self._views)

    @functools.cached_property
    def _scores(self) -> Callable[..., ms.Tensor]:
        return self._passage.scores(self._model)

    @property
    def _prompts(self) -> tuple[str, ...]:
        return prompts.get(self.templates)

    @functools.cached_property
    def _tokenizer(self) -> Tokenizer:
        return Tokenizer(self._merges)

    def _has_own_classes(self, vocabulary: Vocabulary) -> bool:
        """Whether the network's classes are fixed; raises `UserError` unless the labels are as many."""
        classes = self.own_classes
        if classes is not None and len(vocabulary) != classes:
            raise UserError(
                f"{len(vocabulary)} labels for {self.checkpoint}, which has {classes} classes of its own: "
                "give the names of these, in the order of its training"
            )
        return classes is not None

    def _words_in(self, vocabulary: Vocabulary, progress: bool) -> tuple[ms.Tensor, ...]:
        """What the network takes beside images: embeddings (words, D), or nothing if its classes are fixed.

        The embeddings of the last vocabulary are kept.
        """
        if self._has_own_classes(vocabulary):
            fixed = getattr(self._model, "text_embeddings", None)
            self._weigh(vocabulary, progress)
            return () if fixed is None else (ms.Tensor(fixed.asnumpy()),)
        if self._words != vocabulary.words:
            rows = embed(
                self._model.encode_text,
                vocabulary,
                tokenizer=self._tokenizer,
                templates=self._prompts,
                weights_hash=self._origin["sha256"],
                cache=self._cache,
                progress=progress,
                normalised=self._passage.unit_words,
            )
            self._weigh(vocabulary, progress)
            self._embeddings, self._words = ms.Tensor(rows), vocabulary.words
        return (self._embeddings,)

    def _weigh(self, vocabulary: Vocabulary, progress: bool) -> None:
        """Make the text features of the class weights, where there are some."""
        if self._global:
            own = self._has_own_classes(vocabulary)
            self._global_text = self._global.encode(
                Vocabulary.of(vocabulary.names) if own else vocabulary,
                tokenizer=self._tokenizer,
                templates=self._prompts,
                cache=self._cache,
                progress=progress,
            )

    def _network(self, photo: np.ndarray, *words: ms.Tensor) -> Callable[[np.ndarray], np.ndarray]:
        """From windows of a photograph, or all of it, normalised float32 (B,3,H,W), to scores (B,C,h,w)."""
        beside = words
        if self._global:
            weights = self._global.weights(photo, self._global_text, self._config.tau)
            beside = (*words, ms.Tensor(weights))

        def network(window: np.ndarray) -> np.ndarray:
            scores = self._scores(ms.Tensor(window), *beside).asnumpy()
            if not np.isfinite(scores.sum()):
                raise UserError(
                    f"the scores of {self.checkpoint} are not finite numbers: its weights are damaged, "
                    "convert them again"
                )
            return scores

        return network


def own_protocol(checkpoint: str | Path) -> str:
    """The protocol (`ms_ovs.evaluation.evaluate.PROTOCOLS`) by which a checkpoint's authors scored."""
    return passage_of(load_config(checkpoint, system=SYSTEMS)).own_protocol


def versions() -> dict[str, str]:
    """What computed a result, for its record: {package: version}."""
    return {"ms_ovs": ms_ovs.__version__, "mindspore": ms.__version__, "numpy": np.__version__}


def _vocabulary(labels: Labels) -> Vocabulary:
    return labels if isinstance(labels, Vocabulary) else vocabularies.parse(labels)
