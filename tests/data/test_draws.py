"""Pairs drawn for people to look at."""

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.check import Folders
from ms_ovs.data.draws import draw
from ms_ovs.data.folders import FolderDataset
from ms_ovs.errors import UserError


def names(drawn):
    return [one.name for one in drawn]


def test_draws_follow_from_the_seed(folder):
    source, data = Folders.of(folder.settings), FolderDataset(folder.settings)
    first = draw(source, 4, 0)
    assert names(first) == names(draw(source, 4, 0))
    assert len({tuple(names(draw(source, 4, seed))) for seed in range(5)}) > 1
    order = [data.name(index) for index in range(len(data))]
    places = [order.index(name) for name in names(first)]
    assert places == sorted(set(places)), "each once, in the order of the set"
    for place, (image, target, _) in zip(places, first, strict=True):
        np.testing.assert_array_equal(image, data[place][0])
        np.testing.assert_array_equal(target, data[place][1])
    assert sorted(names(draw(source, 99, 0))) == sorted(order)


def test_pairs_that_cannot_be_read_are_passed_over(folder):
    (folder.root / "images/2.png").write_text("no picture")
    Image.new("L", (20, 16), 77).save(folder.root / "maps/4_ids.png")
    Image.new("L", (7, 5)).save(folder.root / "maps/6_ids.png")
    assert not {"2", "4", "6"} & set(names(draw(Folders.of(folder.settings), 6, 0)))
    for path in folder.root.rglob("images/**/*.png"):
        path.write_text("no picture")
    with pytest.raises(UserError, match=r"none of the 9 pairs can be shown \(image '.+' cannot be read"):
        draw(Folders.of(folder.settings), 6, 0)


def test_none_are_asked_for(folder):
    with pytest.raises(UserError, match="a sheet of 0 images"):
        draw(Folders.of(folder.settings), 0, 0)
