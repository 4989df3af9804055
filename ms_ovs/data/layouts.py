"""Where the files of the known data sets lie: as `ms-ovs data prepare` puts them, and as other projects do.

Folders and values are those of the specification prompts_and_labels.md, sections 3 and 4. Trees of other
projects are read where they are; of the places that forks of a project use, the first that exists counts.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ms_ovs.data import shapes
from ms_ovs.data.folders import FolderSettings
from ms_ovs.data.panoptic import PanopticSettings
from ms_ovs.errors import choose
from ms_ovs.vocab import datasets

SPLITS = ("training", "validation")
SHORT = {"training": "train", "validation": "val"}
OWN = "ms_ovs"

Preset = Callable[[Path, str], FolderSettings | PanopticSettings]

WORD = {"label_suffix": ".tif", "ignore": [65535]}  # maps of 16 bits
BYTE = {"ignore": [255]}
SHIFTED = {"offset": 1, "ignore": [0, 255]}  # as the authors store them: 0 is no class

ADE = ("", "ADEChallengeData2016", "ade/ADEChallengeData2016", "ade20k/ADEChallengeData2016")
ADE_FULL = ("", "ADE20K_2021_17_01", "ade/ADE20K_2021_17_01", "ade20k/ADE20K_2021_17_01")
VOC = ("", "VOCdevkit/VOC2012", "pascal/VOCdevkit/VOC2012")
CONTEXT = ("", "VOCdevkit/VOC2010", "pascal/VOCdevkit/VOC2010")
COCO = ("", "coco", "coco/coco17")
COCO_MMSEG = ("", "coco_stuff164k")
CITYSCAPES = ("", "cityscapes")


class Maps(NamedTuple):
    """Folders of images and label maps, and what else `FolderSettings` says.

    In the paths `{split}` becomes "training" or "validation", `{short}` "train" or "val"; each may be in any
    of the folders `tops` below the root. `images` and `labels` may name several places; `names` is a list of
    the pairs, below the same top as the images.
    """

    tops: tuple[str, ...]
    images: str | tuple[str, ...]
    labels: str | tuple[str, ...]
    meaning: Mapping[str, Any]
    names: str | Mapping[str, str] | None = None

    def __call__(self, root: Path, split: str) -> FolderSettings:
        """The settings of a split of the data set that lies below `root`."""
        names = self.names if self.names is None or isinstance(self.names, str) else self.names[split]
        return FolderSettings(
            image_dir=find(root, self.tops, self.images, split),
            label_dir=find(root, self.tops, self.labels, split),
            names=names and find(root, self.tops, names, split),
            **self.meaning,
        )


class Panoptics(NamedTuple):
    """Folders of images and panoptic maps, a JSON file, and what else `PanopticSettings` says; as `Maps`."""

    tops: tuple[str, ...]
    images: str
    maps: str
    json: str
    meaning: Mapping[str, Any]

    def __call__(self, root: Path, split: str) -> PanopticSettings:
        """The settings of a split of the data set that lies below `root`."""
        return PanopticSettings(
            image_dir=find(root, self.tops, self.images, split),
            panoptic_dir=find(root, self.tops, self.maps, split),
            panoptic_json=find(root, self.tops, self.json, split),
            **self.meaning,
        )


def find(root: Path, tops: tuple[str, ...], paths: str | tuple[str, ...], split: str) -> str:
    """The first of `paths` that exists below one of the `tops`; if none does, where it should be."""
    known = [paths] if isinstance(paths, str) else paths
    places = [root / top / path.format(split=split, short=SHORT[split]) for path in known for top in tops]
    itself = len(tops) == 1 or root.name in {Path(top).name for top in tops}
    return str(next((place for place in places if place.exists()), places[0 if itself else 1]))


def shapes_benchmark(root: Path, split: str) -> FolderSettings:
    """The embedded benchmark that `ms_ovs.data.shapes` writes.

    In the training part the pairs that are not labelled there are no classes either: the words that a network
    learns to tell apart are those it sees.
    """
    known = shapes.describe(root)
    labels = {"labels": str(known.root / "labels.txt"), "offset": 1, "ignore": [0]}
    settings = Maps(("",), "images/{split}", "annotations/{split}", labels)(root, split)
    if split != "training":
        return settings
    labelled = sorted((*known.seen, *known.background))
    return settings.model_copy(
        update={
            "labels": ", ".join(known.names[number] for number in labelled),
            "table": {number + 1: place for place, number in enumerate(labelled)},
        }
    )


_ADE_150 = Maps(
    ADE,
    "images/{split}",
    "annotations/{split}",
    {"labels": "lseg/ade20k_150", "offset": 1, "ignore": [0]},
)
_ADE_847 = Maps(
    ADE_FULL,
    "images_detectron2/{split}",
    "annotations_detectron2/{split}",
    {"labels": "ade20k_847", **WORD},
)
_CITYSCAPES = Maps(
    CITYSCAPES,
    "leftImg8bit/{short}",
    "gtFine/{short}",
    {
        "labels": "cityscapes_19",
        "image_suffix": "_leftImg8bit.png",
        "label_suffix": "_gtFine_labelTrainIds.png",
        **BYTE,
    },
)
_STUFF = Maps(
    COCO,
    "{short}2017",
    "stuffthingmaps_detectron2/{short}2017",
    {"labels": "coco_stuff_171", "extra_images": True, **BYTE},
)
_COCO_SEMANTIC = Maps(
    COCO,
    "{short}2017",
    "panoptic_semseg_{short}2017",
    {"labels": "coco_panoptic_133", **BYTE},
)
_COCO_PANOPTIC = Panoptics(
    COCO,
    "{short}2017",
    "panoptic_{short}2017",
    "annotations/panoptic_{short}2017.json",
    {"labels": "coco_panoptic_133", "table": dict(datasets.get("coco_panoptic_133").raw_ids)},
)
_ADE_PANOPTIC = Panoptics(
    ADE,
    "images/{split}",
    "ade20k_panoptic_{short}",
    "ade20k_panoptic_{short}.json",
    {"labels": "lseg/ade20k_150", "table": {number: number for number in range(150)}},
)
_CITYSCAPES_PANOPTIC = Panoptics(
    CITYSCAPES,
    "leftImg8bit/{short}",
    "gtFine/cityscapes_panoptic_{short}",
    "gtFine/cityscapes_panoptic_{short}.json",
    {
        "labels": "cityscapes_19",
        "image_suffix": "_leftImg8bit.png",
        "panoptic_suffix": "_gtFine_panoptic.png",
        "table": dict(datasets.get("cityscapes_19").raw_ids),
    },
)
_PANOPTIC: dict[str, Preset] = {
    "ade20k_panoptic": _ADE_PANOPTIC,
    "coco_panoptic_133": _COCO_PANOPTIC,
    "coco_semantic_133": _COCO_SEMANTIC,  # the classes of the panoptic maps
    "cityscapes_panoptic": _CITYSCAPES_PANOPTIC,
}
_VOC_LISTS = {
    "training": "ImageSets/Segmentation/trainaug.txt",
    "validation": "ImageSets/Segmentation/val.txt",
}
_CONTEXT_LIST = "ImageSets/SegmentationContext/{short}.txt"
_CONTEXT_60 = Maps(
    CONTEXT,
    "JPEGImages",
    "SegmentationClassContext",
    {"labels": "pascal_context_60", **BYTE},
    _CONTEXT_LIST,
)


def _context(labels: str, folder: str, form: Mapping[str, Any]) -> Maps:
    """Maps that are already shifted, of some of the photographs."""
    folders = (f"annotations_detectron2_ovs/{folder}_{{short}}", f"annotations_ctx{folder[2:]}/{{split}}")
    tops = (*CONTEXT, "pascal_ctx_d2")
    return Maps(
        tops, ("JPEGImages", "images/{split}"), folders, {"labels": labels, "extra_images": True, **form}
    )


LAYOUTS: dict[str, dict[str, Preset]] = {
    OWN: {
        "ade20k_150": _ADE_150,
        "ade20k_847": _ADE_847,
        "pascal_context_59": _context("pascal_context_59", "pc59", BYTE),
        "pascal_context_60": _CONTEXT_60,
        "pascal_context_459": _context("pascal_context_459", "pc459", WORD),
        "voc_20": Maps(
            VOC,
            "JPEGImages",
            "annotations_ovs/{short}",
            {"labels": "voc_20", "extra_images": True, **BYTE},
        ),
        "voc_21": Maps(VOC, "JPEGImages", "SegmentationClassAug", {"labels": "voc_21", **BYTE}, _VOC_LISTS),
        "coco_stuff_171": _STUFF,
        "cityscapes_19": _CITYSCAPES,
        **_PANOPTIC,
        "shapes": shapes_benchmark,
    },
    "detectron2": {  # MAFT, MAFT-Plus, FC-CLIP
        "ade20k_150": Maps(
            ADE, "images/{split}", "annotations_detectron2/{split}", {"labels": "lseg/ade20k_150", **BYTE}
        ),
        "ade20k_847": _ADE_847,
        "pascal_context_59": _context("pascal_context_59", "pc59", BYTE),
        "pascal_context_459": _context("pascal_context_459", "pc459", WORD),
        "voc_20": Maps(
            (*VOC, "pascal_voc_d2"),
            ("JPEGImages", "images/{split}"),
            (
                "annotations_ovs/{short}",
                "annotations_detectron2_ovs/{short}",
                "annotations_pascal20/{split}",
            ),
            {"labels": "voc_20", "extra_images": True, **BYTE},
        ),
        "coco_stuff_171": _STUFF,
        "cityscapes_19": _CITYSCAPES,
        **_PANOPTIC,
    },
    "mmseg": {  # MaskCLIP, MTA-CLIP
        "ade20k_150": _ADE_150,
        "voc_20": Maps(
            VOC,
            "JPEGImages",
            ("SegmentationClassAug", "SegmentationClass"),
            {"labels": "voc_20", **SHIFTED},
            _VOC_LISTS,
        ),
        "voc_21": Maps(
            VOC,
            "JPEGImages",
            ("SegmentationClassAug", "SegmentationClass"),
            {"labels": "voc_21", **BYTE},
            _VOC_LISTS,
        ),
        "pascal_context_59": Maps(
            CONTEXT,
            "JPEGImages",
            "SegmentationClassContext",
            {"labels": "pascal_context_59", **SHIFTED},
            _CONTEXT_LIST,
        ),
        "pascal_context_60": _CONTEXT_60,
        "coco_stuff_171": Maps(
            COCO_MMSEG,
            "images/{short}2017",
            "annotations/{short}2017",
            {"labels": "coco_stuff_171", "label_suffix": "_labelTrainIds.png", **BYTE},
        ),
        "cityscapes_19": _CITYSCAPES,
    },
    "lseg": {"ade20k_150": _ADE_150},
}


def preset(name: str, root: str | Path, split: str, layout: str = OWN) -> FolderSettings | PanopticSettings:
    """The settings of a known data set that lies below `root`; `split` is "training" or "validation".

    Raises `UserError` for names that are not known. That the folders are there is for the reader to see.
    """
    sets = LAYOUTS[choose("layout", layout, LAYOUTS)]
    what = "data set" if layout == OWN else f"data set of the layout {layout}"
    return sets[choose(what, name, sets)](Path(root), choose("split", split, SPLITS))
