"""Validation while a dense network trains: centre crops of one size, so that one graph serves all."""

from collections.abc import Mapping, Sequence

import numpy as np

from ms_ovs import viz
from ms_ovs.data.folders import FolderDataset
from ms_ovs.data.hidden import HiddenLabels
from ms_ovs.data.loader import Loader
from ms_ovs.data.transforms import CentreCrop
from ms_ovs.distributed import World
from ms_ovs.evaluation.semantic import SemanticScores
from ms_ovs.training.settings import ValidationSettings
from ms_ovs.training.task import Validation


class CropValidator:
    """Scores over centre crops of a data set, and pictures of a few, in which `marked` classes are marked.

    Subclasses say what the network predicts (`predict`) and which ratios count (`ratios`).
    """

    def __init__(
        self,
        settings: ValidationSettings,
        dataset: FolderDataset,
        names: Sequence[str],
        world: World,
        *,
        crop_size: int,
        mean: Sequence[float],
        std: Sequence[float],
        marked: Sequence[int] = (),
    ):
        self.dataset, self.names, self.world, self.marked = dataset, tuple(names), world, tuple(marked)
        self.pictures, self.size = settings.pictures, settings.batch_size
        self.mean, self.std = (np.array(values, np.float32).reshape(3, 1, 1) for values in (mean, std))
        self.loader = Loader(
            HiddenLabels(dataset, (), numbered=True), CentreCrop(crop_size, mean, std), batch_size=self.size,
            rank=world.rank, ranks=world.ranks, shuffle=False, drop_last=False, on_error="skip",
        )  # fmt: skip

    def predict(self, image: np.ndarray, numbers: np.ndarray) -> np.ndarray:
        """Classes int32 (B, H, W) of normalised images, whose numbers in the data set are `numbers`."""
        raise NotImplementedError

    def ratios(self, scores: SemanticScores) -> Mapping[str, float]:
        """The scores that count, by name."""
        raise NotImplementedError

    def __call__(self) -> Validation:
        """Every image once, over all processes; what cannot be read is left out."""
        scores, samples = SemanticScores(self.names), []
        for image, target, numbers in self.loader.epoch(0):
            prediction = self.predict(image, numbers)
            scores.update(prediction, target)
            for index in range(min(len(image), self.pictures - len(samples))):
                photo = np.clip((image[index] * self.std + self.mean) * 255, 0, 255).astype(np.uint8)
                name = self.dataset.name(int(numbers[index]))
                samples.append(viz.Sample(photo.transpose(1, 2, 0), target[index], prediction[index], name))
        scores = SemanticScores.from_counts(self.names, self.world.sum(scores.counts))
        picture = viz.contact_sheet(samples, self.names, marked=self.marked) if samples else None
        return Validation(self.ratios(scores), picture)

    def filled(self, rows: np.ndarray) -> np.ndarray:
        """Something of each image of a batch; one that is not full is filled up with its last."""
        missing = self.size - len(rows)
        return np.concatenate([rows, np.repeat(rows[-1:], missing, 0)]) if missing else rows
