"""Where the known data sets lie, and trees that other projects prepared."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ms_ovs import config
from ms_ovs.data import layouts, named
from ms_ovs.data.folders import FolderDataset, FolderSettings
from ms_ovs.data.layouts import LAYOUTS, OWN, preset
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels


def put(root, settings, values=(1,)):
    """A pair below `root`, as the settings have it, with its name in their list."""
    for folder, suffix, picture in (
        (settings.image_dir, settings.image_suffix, Image.new("RGB", (4, 3))),
        (
            settings.label_dir,
            settings.label_suffix,
            Image.fromarray(np.resize(values, (3, 4)).astype(np.uint8)),
        ),
    ):
        assert Path(folder).is_relative_to(root)
        path = Path(folder) / f"one{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        picture.save(path)
    if settings.names:
        Path(settings.names).parent.mkdir(parents=True, exist_ok=True)
        Path(settings.names).write_text("one\n")


KNOWN = [(layout, name) for layout, sets in LAYOUTS.items() for name in sets if name != "shapes"]


@pytest.mark.parametrize(("layout", "name"), KNOWN)
@pytest.mark.parametrize("split", layouts.SPLITS)
def test_every_layout_can_be_read(tmp_path, layout, name, split):
    settings = preset(name, tmp_path, split, layout)
    if not isinstance(settings, FolderSettings):
        pytest.skip("panoptic sets have tests of their own")
    assert len(labels.parse(settings.labels)) == int(name.rsplit("_", 1)[1])
    put(tmp_path, settings)
    dataset = FolderDataset(preset(name, tmp_path, split, layout))
    (target,) = {dataset.target(0).max(), dataset.target(0).min()}
    assert target == 1 - settings.offset


@pytest.mark.parametrize(
    ("layout", "name", "where"),
    [
        ("detectron2", "ade20k_150", "ade/ADEChallengeData2016"),
        ("detectron2", "ade20k_847", "ade20k/ADE20K_2021_17_01"),
        ("detectron2", "voc_20", "pascal/VOCdevkit/VOC2012"),
        ("detectron2", "pascal_context_59", "VOCdevkit/VOC2010"),
        ("detectron2", "coco_stuff_171", "coco/coco17"),
        ("mmseg", "coco_stuff_171", "coco_stuff164k"),
        ("mmseg", "pascal_context_59", "VOCdevkit/VOC2010"),
        (OWN, "voc_21", "VOCdevkit/VOC2012"),
    ],
)
def test_the_folders_above_may_be_there_or_not(tmp_path, layout, name, where):
    put(tmp_path / where, preset(name, tmp_path / where, "validation", layout))
    found = preset(name, tmp_path, "validation", layout)
    assert Path(found.image_dir).is_relative_to(tmp_path / where)
    assert len(FolderDataset(found)) == 1


def test_names_that_are_not_known(tmp_path):
    with pytest.raises(UserError, match="unknown layout 'mmsegm': did you mean 'mmseg'"):
        preset("voc_20", tmp_path, "validation", "mmsegm")
    with pytest.raises(UserError, match="unknown data set of the layout lseg 'voc_20'"):
        preset("voc_20", tmp_path, "validation", "lseg")


def test_a_tree_of_another_project_is_described_and_read_where_it_is(tmp_path):
    tree, root = tmp_path / "theirs", tmp_path / "data"
    put(tree, preset("voc_20", tree, "validation", "mmseg"), values=(0, 20, 255))
    counts = named.describe("voc_20", tree, root, "mmseg", ["validation"])
    assert counts == {"validation": 1} and [path.name for path in root.iterdir()] == ["voc_20.yaml"]
    settings = named.settings_for("voc_20", root=root)
    assert set(np.unique(FolderDataset(settings).target(0))) == {-1, 19}
    assert config.load(root / "voc_20.yaml", named.Described).training is None
    with pytest.raises(UserError, match=r"voc_20.yaml' tells of no training part: prepare it too"):
        named.settings_for("voc_20", root=root, split="training")


def test_nothing_is_written_for_a_tree_that_is_not_whole(tmp_path):
    with pytest.raises(UserError, match="image folder '.*JPEGImages' does not exist"):
        named.describe("voc_20", tmp_path / "theirs", tmp_path / "data", "mmseg", ["validation"])
    assert not (tmp_path / "data").exists()
    put(tmp_path, preset("voc_20", tmp_path, "validation", "mmseg"), values=(21,))
    with pytest.raises(UserError, match="holds 21; values are 1 to 20"):
        named.describe("voc_20", tmp_path, tmp_path / "data", "mmseg", ["validation"])
