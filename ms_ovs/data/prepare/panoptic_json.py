"""The JSON file that goes with panoptic maps in COCO's format, made from maps whose ids tell the class.

An id below 1000 is the number of a class, in the data set's own count; one from there on is that of the class
times 1000, plus the number of the instance. A thing without such a number is a crowd.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from scipy.ndimage import find_objects

from ms_ovs.data.coco_panoptic import read_ids
from ms_ovs.data.prepare.convert import is_newer, read_all
from ms_ovs.data.prepare.recipe import Work
from ms_ovs.data.prepare.unpack import writing_below
from ms_ovs.data.segments import VOID
from ms_ovs.files import write_whole
from ms_ovs.vocab import datasets

INSTANCES = 1000  # where the ids of instances begin


class Listed(NamedTuple):
    """A line of the JSON file: the image's id and file name, and its panoptic map."""

    image_id: str
    image: str
    map: Path


class Rule(NamedTuple):
    """Which numbers of classes are things, and what is subtracted from a number for the category's id."""

    things: frozenset[int]
    offset: int


def write_panoptic_json(
    work: Work, split: str, target: Path, listed: Sequence[Listed], name: str, offset: int = 0
) -> None:
    """Write the file `target`, unless it is newer than all the maps.

    Categories are the classes of the data set `name` in `ms_ovs.vocab.datasets`; their ids are its stored ids
    less `offset`.
    """
    paths = [line.map for line in listed]
    if is_newer(target, paths):
        return
    known = datasets.get(name)
    things = frozenset(raw for raw, number in known.raw_ids.items() if known.things[number])
    images, annotations = [], []
    stage = f"listing segments ({split})"
    rows = read_all(_describe, Rule(things, offset), paths, stage, work.workers, work.progress)
    for line, ((height, width), segments) in zip(listed, rows, strict=True):
        images.append({"id": line.image_id, "width": width, "height": height, "file_name": line.image})
        annotations.append({"image_id": line.image_id, "file_name": line.map.name, "segments_info": segments})
    categories = [
        {
            "id": raw - offset,
            "name": known.vocabulary.names[number],
            "isthing": int(known.things[number]),
        }
        for raw, number in known.raw_ids.items()
    ]
    content = {"images": images, "annotations": annotations, "categories": categories}
    with writing_below(work.root):
        write_whole(target, json.dumps(content) + "\n")


def boxes(ids: np.ndarray) -> dict[int, tuple[list[int], int]]:
    """{id: ([x, y, width, height], area)}, in pixels, of all in the map int32 (H,W) but void."""
    values, places = np.unique(ids, return_inverse=True)
    places = places.reshape(ids.shape) + 1
    areas = np.bincount(places.ravel())[1:].tolist()
    found = {}
    for value, area, (rows, columns) in zip(values.tolist(), areas, find_objects(places), strict=True):
        box = [columns.start, rows.start, columns.stop - columns.start, rows.stop - rows.start]
        found[value] = (box, area)
    found.pop(VOID, None)
    return found


def class_of(segment: int) -> int:
    """The number of the class that a segment's id tells."""
    return segment if segment < INSTANCES else segment // INSTANCES


def _describe(rule: Rule, path: Path) -> tuple[tuple[int, int], list[dict[str, Any]]]:
    ids = read_ids(path)
    return ids.shape, [
        {
            "id": segment,
            "category_id": class_of(segment) - rule.offset,
            "area": area,
            "bbox": box,
            "iscrowd": int(segment in rule.things),
        }
        for segment, (box, area) in boxes(ids).items()
    ]
