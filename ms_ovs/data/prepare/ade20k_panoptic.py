"""ADE20K with 150 classes, of which 100 are things: panoptic maps, and the instances in COCO's format.

The authors' map of instances says for every pixel which of the 100 things it is of, counted from 1 in the
order of the 150 (red), and which instance in the image (green). As in Mask2Former's preparation, instances
lie over the stuff of the map of classes, and things that are no instance are void.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
from pycocotools import mask

from ms_ovs.data.coco_panoptic import encode_ids, read_ids
from ms_ovs.data.layouts import SHORT
from ms_ovs.data.prepare import ade20k
from ms_ovs.data.prepare.archive import Archive
from ms_ovs.data.prepare.convert import Job, is_newer, read_all
from ms_ovs.data.prepare.encode import below
from ms_ovs.data.prepare.panoptic_json import INSTANCES, Listed, boxes, class_of, write_panoptic_json
from ms_ovs.data.prepare.recipe import Recipe, Work, count_panoptic
from ms_ovs.data.prepare.unpack import writing_below
from ms_ovs.data.reading import check_sizes, read_image, read_labels
from ms_ovs.errors import UserError
from ms_ovs.files import write_whole
from ms_ovs.vocab import datasets

FOLDER = ade20k.FOLDER
CLASSES = 150
AGREEING = 0.5  # the least share of instances' pixels that the maps of classes must say the same of


def things() -> np.ndarray:
    """int32 (101,): the number from 1 to 150 of each category of instances; 0 has none."""
    known = datasets.get("ade20k_150")
    return np.array([0, *(raw for raw, number in known.raw_ids.items() if known.things[number])], np.int32)


def segments(class_path: Path, instance_path: Path, numbers: np.ndarray) -> bytes:
    """The panoptic map for a map of classes and one of instances, whose categories are `numbers`."""
    classes = below(read_labels(class_path), CLASSES + 1, class_path).astype(np.int32)
    colours = read_image(instance_path)
    check_sizes(colours, classes, class_path)
    category = below(colours[..., 0], len(numbers), instance_path)
    instance = colours[..., 1].astype(np.int32)
    ids = np.where(np.isin(classes, numbers), 0, classes)
    _check_categories(category, instance, instance_path)
    inside = instance > 0
    ids[inside] = numbers[category[inside]] * INSTANCES + instance[inside]
    return encode_ids(ids, instance_path.name)


def _check_categories(category: np.ndarray, instance: np.ndarray, path: Path) -> None:
    """Every instance is of one category."""
    pairs = np.unique(np.stack([instance, category], -1).reshape(-1, 2), axis=0)
    numbers, times = np.unique(pairs[:, 0], return_counts=True)
    for number, kinds in zip(numbers.tolist(), times.tolist(), strict=True):
        met = sorted(pairs[pairs[:, 0] == number, 1].tolist())
        if number and (kinds > 1 or met == [0]):
            raise UserError(
                f"instance map {str(path)!r}: instance {number} is of the categories "
                f"{', '.join(map(str, met))}; it must be of one, from 1 on: unpack it again"
            )


def _finish(work: Work) -> None:
    numbers, ade = things(), work.root / FOLDER
    for split in work.splits:
        folder = ade / f"ade20k_panoptic_{SHORT[split]}"
        maps = sorted((ade / "annotations" / split).glob("*.png"))
        targets = [folder / path.name for path in maps]
        jobs = [
            Job(
                folder / path.name,
                segments,
                (path, ade / "annotations_instance" / split / path.name),
                (numbers,),
            )
            for path in maps
        ]
        work.convert(jobs, "making panoptic maps", split)
        listed = [Listed(path.stem, f"{path.stem}.jpg", path) for path in targets]
        write_panoptic_json(work, split, folder.with_suffix(".json"), listed, "ade20k_150", offset=1)
        _write_instances(work, split, ade / f"ade20k_instance_{SHORT[split]}.json", targets)


def _write_instances(work: Work, split: str, target: Path, maps: list[Path]) -> None:
    """Write the instances in COCO's format, from the panoptic maps, unless the file is newer than they.

    Raises `UserError` where the maps of classes mostly say something else: then categories are mixed up.
    """
    if is_newer(target, maps):
        return
    folder = work.root / FOLDER / "annotations" / split
    images, annotations, total, agreeing = [], [], 0, 0
    for path, (image, rows, agreed) in zip(
        maps,
        read_all(_instances, folder, maps, f"listing instances ({split})", work.workers, work.progress),
        strict=True,
    ):
        images.append({"id": path.stem, "file_name": f"{path.stem}.jpg", **image})
        annotations += [
            {"id": len(annotations) + place, "image_id": path.stem, **row}
            for place, row in enumerate(rows, 1)
        ]
        total, agreeing = total + sum(row["area"] for row in rows), agreeing + agreed
    if agreeing < AGREEING * total:
        raise UserError(
            f"of the pixels of instances for {split}, the maps of classes call {agreeing / total:.0%} the "
            f"same (at least {AGREEING:.0%} is expected): give annotations_instance.tar and "
            f"{ade20k.ARCHIVE.name} of the same page"
        )
    known = datasets.get("ade20k_150")
    categories = [
        {"id": number, "name": name}
        for number, name in enumerate(known.vocabulary.names)
        if known.things[number]
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    with writing_below(work.root):
        write_whole(target, json.dumps(content) + "\n")


def _instances(folder: Path, path: Path) -> tuple[dict[str, int], list[dict[str, Any]], int]:
    """Size, instances, and pixels of them that the map of classes in `folder` says the same of."""
    ids, classes = read_ids(path), read_labels(folder / path.name)
    rows, agreeing = [], 0
    for segment, (box, area) in boxes(ids).items():
        if segment < INSTANCES:
            continue
        inside = ids == segment
        agreeing += int(np.count_nonzero(classes[inside] == class_of(segment)))
        run = mask.encode(np.asfortranarray(inside, np.uint8))
        rows.append(
            {
                "category_id": class_of(segment) - 1,
                "iscrowd": 0,
                "area": area,
                "bbox": box,
                "segmentation": {"size": list(run["size"]), "counts": run["counts"].decode()},
            }
        )
    return {"width": ids.shape[1], "height": ids.shape[0]}, rows, agreeing


ADE20K_PANOPTIC = Recipe(
    sources=(
        ade20k.ARCHIVE,
        *(
            Archive("annotations_instance.tar", f"annotations_instance/{split}", FOLDER, splits=(split,))
            for split in SHORT
        ),
    ),
    counts=ade20k.ADE20K_150.counts,
    folder=FOLDER,
    finish=_finish,
    count=count_panoptic,
    made=30_000,  # rough: a panoptic map, and its lines in two JSON files
)
