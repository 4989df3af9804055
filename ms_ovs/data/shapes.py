"""The embedded benchmark: small scenes with words for every pixel, written from a seed.

A miniature of what open-vocabulary segmentation is about. Classes are pairs of words ("red circle") and words
for grounds ("sand"). Six pairs are *unseen*: in the labels for training their pixels are unlabelled, in those
for validation they are not. Every colour and every shape is labelled in other pairs, and the captions, from
which CLIP learns, name all pairs.

The folder has the layout of ADE20K:

    images/{training,validation}/000001.jpg
    annotations/{training,validation}/000001.png    8 bits: 0 = unlabelled, n + 1 = class n
    labels.txt                                      one class a line, for `ms_ovs.vocab.labels.parse`
    captions/000001.jpg, captions.jsonl             {"image": "captions/000001.jpg", "caption": "a red star"}
    shapes.json                                     what was asked for, and which classes are seen
"""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from ms_ovs.data import scenes, sentences
from ms_ovs.errors import UserError
from ms_ovs.files import write_whole

PAIRS = tuple((colour, shape) for colour in scenes.COLOURS for shape in scenes.SHAPES)
NAMES = (*(f"{colour} {shape}" for colour, shape in PAIRS), *scenes.GROUNDS)
# one of each colour, so that five sixths of what a word can stand beside are labelled
UNSEEN_NAMES = ("red star", "green circle", "blue cross", "yellow square", "purple triangle", "white star")
UNSEEN = tuple(NAMES.index(name) for name in UNSEEN_NAMES)
BACKGROUND = tuple(range(len(PAIRS), len(NAMES)))
SEEN = tuple(index for index in range(len(PAIRS)) if index not in UNSEEN)

MARKER = "shapes.json"
FORMAT = "ms_ovs shapes 2"  # changes when the same parameters give other files
MOST_THINGS = 3  # in a labelled scene
CAPTIONED = (0.03, 0.75, 0.17, 0.05)  # how often a captioned scene has 0, 1, 2, 3 things
CLOSE = (0.2, 0.4)  # their radii: what people caption is what a photograph is of
SIZES = (32, 1024)
JPEG = dict(quality=92, subsampling=0)  # small things keep their colours

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Parameters:
    """What the files depend on: the seed, numbers of scenes, and their side in pixels."""

    seed: int
    train: int
    val: int
    captions: int
    size: int


@dataclass(frozen=True)
class Shapes:
    """A data set as it lies on disk, with its classes by number."""

    root: Path
    parameters: Parameters
    names: tuple[str, ...]
    seen: tuple[int, ...]
    unseen: tuple[int, ...]
    background: tuple[int, ...]


def write(
    root: str | Path,
    *,
    seed: int = 0,
    train: int = 2000,
    val: int = 200,
    captions: int = 8000,
    size: int = 64,
    progress: Progress | None = None,
) -> Shapes:
    """Write the data set into the folder `root`, unless it is there already, and describe it.

    `train` and `val` count labelled scenes, `captions` those with a sentence; `size` is their side in pixels.
    Scene n depends on the seed, the part it belongs to and n alone, and equal parameters give equal bytes.
    `progress` is told (scenes done, scenes in all). The folder appears when it is whole; one of other
    parameters, or with files missing, is replaced. Raises `UserError` for parameters that make no sense, and
    for a folder with other things in it, which is left alone.
    """
    root = Path(root)
    parameters = Parameters(seed, train, val, captions, size)
    _check(parameters)
    found = _found(root)
    if found and found.parameters == parameters and _whole(found):
        return found
    partial = root.with_name(f".{root.name}.partial")
    try:
        _remove(partial)
        _write_files(partial, parameters, progress or (lambda done, total: None))
        _remove(root)
        os.rename(partial, root)
    except OSError as error:
        raise UserError(
            f"data set {str(root)!r} cannot be written ({error.strerror}): "
            "free some space or name another folder"
        ) from None
    return describe(root)


def describe(root: str | Path) -> Shapes:
    """The data set in the folder `root`. Raises `UserError` where there is none."""
    root = Path(root)
    found = _found(root)
    if found is None:
        raise UserError(f"{str(root)!r} holds no {MARKER}: give the folder that the shapes were written to")
    return found


def _check(parameters: Parameters) -> None:
    for name in ("train", "val", "captions", "seed"):
        value = getattr(parameters, name)
        if value < 0:
            raise UserError(f"{name} is {value}: give 0 or more")
    if not SIZES[0] <= parameters.size <= SIZES[1]:
        raise UserError(f"size is {parameters.size} pixels: give {SIZES[0]} to {SIZES[1]}")


def _found(root: Path) -> Shapes | None:
    """What lies in `root`: nothing (None), or a data set; `UserError` for anything else."""
    try:
        marker = json.loads((root / MARKER).read_text("utf-8"))
        if marker["format"] != FORMAT:
            raise UserError(
                f"{str(root / MARKER)!r} says {marker['format']!r}, this program writes {FORMAT!r}: "
                "remove the folder or name another"
            )
        classes = {part: tuple(marker[part]) for part in ("names", "seen", "unseen", "background")}
        return Shapes(root, Parameters(**marker["parameters"]), **classes)
    except FileNotFoundError:
        if root.is_dir() and any(root.iterdir()):
            raise UserError(
                f"folder {str(root)!r} is not empty and holds no {MARKER}: name another folder"
            ) from None
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UserError(f"{str(root / MARKER)!r} cannot be read ({error}): name another folder") from None


def _whole(shapes: Shapes) -> bool:
    """Whether every file is there, by their numbers."""
    wanted = shapes.parameters
    return all(
        folder.is_dir() and len(os.listdir(folder)) == count
        for folder, count in (
            (shapes.root / "images/training", wanted.train),
            (shapes.root / "annotations/training", wanted.train),
            (shapes.root / "images/validation", wanted.val),
            (shapes.root / "annotations/validation", wanted.val),
            (shapes.root / "captions", wanted.captions),
        )
    ) and all((shapes.root / name).is_file() for name in ("labels.txt", "captions.jsonl"))


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _write_files(root: Path, parameters: Parameters, progress: Progress) -> None:
    total, done = parameters.train + parameters.val + parameters.captions, 0
    for split, count in (("training", parameters.train), ("validation", parameters.val)):
        images, annotations = root / "images" / split, root / "annotations" / split
        images.mkdir(parents=True)
        annotations.mkdir(parents=True)
        for number, scene in _labelled(split, count, parameters):
            _save(scene.image, images / f"{number:06}.jpg", format="JPEG", **JPEG)
            raw = raw_labels(scene, training=split == "training")
            _save(raw, annotations / f"{number:06}.png", format="PNG")
            progress(done := done + 1, total)
    (root / "captions").mkdir()
    lines = []
    for number, scene, caption in _captioned(parameters):
        name = f"captions/{number:06}.jpg"
        _save(scene.image, root / name, format="JPEG", **JPEG)
        lines.append(json.dumps({"image": name, "caption": caption}) + "\n")
        progress(done := done + 1, total)
    write_whole(root / "captions.jsonl", "".join(lines))
    write_whole(root / "labels.txt", "".join(f"{name}\n" for name in NAMES))
    marker = {
        "format": FORMAT,
        "parameters": asdict(parameters),
        "names": NAMES,
        "seen": SEEN,
        "unseen": UNSEEN,
        "background": BACKGROUND,
    }
    write_whole(root / MARKER, json.dumps(marker, indent=1) + "\n")


def raw_labels(scene: scenes.Scene, *, training: bool) -> np.ndarray:
    """The label map of a scene as it is stored, uint8 (S,S); for `training` without the unseen pairs."""
    classes = [NAMES.index(word) for word in scene.words]
    raw = [0 if training and index in UNSEEN else index + 1 for index in classes]
    return np.array(raw, np.uint8)[scene.owner]


def _labelled(split: str, count: int, parameters: Parameters) -> Iterator[tuple[int, scenes.Scene]]:
    for number in range(1, count + 1):
        rng = np.random.default_rng([parameters.seed, split == "training", number])
        yield number, scenes.draw(_pairs(int(rng.integers(1, MOST_THINGS + 1)), rng), parameters.size, rng)


def _captioned(parameters: Parameters) -> Iterator[tuple[int, scenes.Scene, str]]:
    for number in range(1, parameters.captions + 1):
        rng = np.random.default_rng([parameters.seed, 2, number])
        count = int(rng.choice(len(CAPTIONED), p=CAPTIONED))
        scene = scenes.draw(_pairs(count, rng), parameters.size, rng, radii=CLOSE)
        yield number, scene, sentences.caption(scene, rng)


def _pairs(count: int, rng: np.random.Generator) -> list[tuple[str, str]]:
    """`count` different pairs, all equally likely."""
    return [PAIRS[index] for index in rng.permutation(len(PAIRS))[:count]]


def _save(pixels: np.ndarray, path: Path, **options) -> None:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, **options)
    path.write_bytes(buffer.getvalue())
