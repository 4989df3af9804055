"""Class weights of whole photographs while a student trains (dgymjol/MaskCLIP_SegFormer; design 5)."""

from collections.abc import Sequence

import numpy as np

from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.photographs import Photographs
from ms_ovs.data.reading import read_image
from ms_ovs.models.maskclip.global_prediction import GlobalPrediction
from ms_ovs.vocab.labels import Vocabulary
from ms_ovs.vocab.tokenizer import Tokenizer


class ClassWeights:
    """How much each class is in a photograph, by a whole CLIP (`GlobalPrediction`).

    The weights are of the file, whatever crop of it is trained on, so each photograph is looked at once.
    `tau` is the temperature; words are the first synonyms, in `templates`, and their means keep their
    lengths.
    """

    def __init__(
        self, checkpoint: str, words: Vocabulary, *, tau: float, templates: Sequence[str], merges: str | None
    ):
        """Raises `UserError` unless the checkpoint holds a whole CLIP."""
        self.prediction = GlobalPrediction(checkpoint)
        self.tau = tau
        self.text = self.prediction.encode(
            Vocabulary.of(words.names), tokenizer=Tokenizer(merges), templates=templates, cache=False
        )
        self._known: dict[str, np.ndarray] = {}

    def __call__(self, dataset: FolderDataset | Photographs, indices: Sequence[int]) -> np.ndarray:
        """float32 (len(indices), C), rows of sum 1, of these photographs of the data set."""
        return np.stack([self._of(str(dataset.images[int(index)])) for index in indices])

    def _of(self, path: str) -> np.ndarray:
        if path not in self._known:
            self._known[path] = self.prediction.weights(read_image(path), self.text, self.tau)[0]
        return self._known[path]
