"""Pairs of files, and every way in which they do not pair up."""

import numpy as np
import pytest
from PIL import Image

from ms_ovs import config
from ms_ovs.data import layouts, shapes
from ms_ovs.data.folders import FolderDataset, FolderSettings
from ms_ovs.errors import UserError


def test_reads_pairs(folder):
    dataset = FolderDataset(folder.settings)
    assert len(dataset) == 9 and dataset.vocabulary.names == ("sky", "wall", "cat")
    for index in range(9):
        image, target = dataset[index]
        stem = dataset.images[index].relative_to(folder.root / "images").with_suffix("")
        stored = np.array(Image.open(folder.root / "maps" / f"{stem}_ids.png"))
        np.testing.assert_array_equal(target, stored.astype(int) - 1)
        np.testing.assert_array_equal(image, np.array(Image.open(dataset.images[index])))
        assert (image.dtype, target.dtype) == (np.uint8, np.int32)
    assert dataset.name(0) == "0"
    assert dataset.images == sorted(dataset.images, key=str)


def test_settings_from_a_file(folder):
    path = folder.root / "data.yaml"
    path.write_text(
        "\n".join(f"{key}: {value}" for key, value in folder.settings.model_dump().items() if value)
    )
    assert config.load(path, FolderSettings) == folder.settings
    path.write_text("image_dri: a")
    with pytest.raises(UserError, match="did you mean 'image_dir'"):
        config.load(path, FolderSettings)


def test_palette_and_16_bit_label_maps(folder):
    stored = np.array([[0, 3], [1, 2]], np.uint8)
    palette = Image.fromarray(stored)
    palette.putpalette([9, 9, 9] * 256)
    palette.save(folder.root / "maps/0_ids.png")
    Image.fromarray(stored.astype(np.uint16)).save(folder.root / "maps/2_ids.png")
    for number in ("0", "2"):
        Image.fromarray(np.zeros((2, 2, 3), np.uint8)).save(folder.root / f"images/{number}.png")
    dataset = FolderDataset(folder.settings)
    for index in (0, 1):
        assert dataset[index][1].tolist() == [[-1, 2], [0, 1]]


def test_a_turned_photograph_stays_with_its_labels(folder):
    exif = Image.Exif()
    exif[0x0112] = 6  # "turn me": viewers do
    Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(folder.root / "images/0.png", exif=exif)
    assert FolderDataset(folder.settings)[0][0].shape == (16, 20, 3)


def change(folder, **settings):
    return folder.settings.model_copy(update=settings)


def test_odd_files(folder):
    (folder.root / "maps/4_ids.png").unlink()
    (folder.root / "maps/6_ids.png").unlink()
    with pytest.raises(UserError, match=r"image '.*/4.png' has no label map in .*maps \(2 of 9 have"):
        FolderDataset(folder.settings)
    for name in ("4", "6", "0"):
        (folder.root / f"images/{name}.png").unlink()
    with pytest.raises(UserError, match=r"label map '.*0_ids.png' has no image in .* \(1 of 7 have no"):
        FolderDataset(folder.settings)


def test_folders_that_hold_nothing(folder):
    with pytest.raises(UserError, match="image folder 'nowhere' does not exist"):
        FolderDataset(change(folder, image_dir="nowhere"))
    with pytest.raises(UserError, match=r"holds no files that end in '.jpg'"):
        FolderDataset(change(folder, image_suffix=".jpg"))


def test_ids_are_checked_on_opening_and_on_reading(folder):
    with pytest.raises(UserError, match=r"label map '.*_ids.png' holds 3; .* set offset 1"):
        FolderDataset(change(folder, offset=0, ignore=[255]))
    dataset = FolderDataset(folder.settings)
    Image.fromarray(np.full((16, 20), 77, np.uint8)).save(dataset.labels[3])
    with pytest.raises(UserError, match=rf"{dataset.labels[3].name}' holds 77; values are 1 to 3"):
        dataset[3]


def test_files_that_are_no_good(folder):
    dataset = FolderDataset(folder.settings)
    Image.fromarray(np.zeros((5, 7), np.uint8)).save(dataset.labels[0])
    with pytest.raises(UserError, match="has 7×5 pixels, its image 20×16"):
        dataset[0]
    Image.fromarray(np.zeros((16, 20, 3), np.uint8)).save(dataset.labels[1])
    with pytest.raises(UserError, match="is a picture of mode RGB: it must have one channel"):
        dataset[1]
    dataset.images[2].write_bytes(dataset.images[2].read_bytes()[:300])
    with pytest.raises(UserError, match=rf"image '.*{dataset.images[2].name}' cannot be read \(.+\)"):
        dataset[2]
    dataset.images[3].unlink()
    with pytest.raises(UserError, match=rf"image '.*{dataset.images[3].name}' is gone"):
        dataset[3]


def test_presets(tmp_path):
    data = shapes.write(tmp_path / "shapes", seed=0, train=3, val=2, captions=0, size=32)
    dataset = FolderDataset(layouts.preset("shapes", data.root, "validation"))
    assert len(dataset) == 2 and dataset.vocabulary.names == data.names
    image, target = dataset[0]
    assert image.shape == (32, 32, 3) and target.min() >= 0 and target.max() < len(data.names)
    ade = layouts.preset("ade20k_150", "ADEChallengeData2016", "training")
    assert (ade.image_dir, ade.label_dir) == (
        "ADEChallengeData2016/images/training",
        "ADEChallengeData2016/annotations/training",
    )
    assert (ade.offset, ade.ignore, ade.labels) == (1, [0], "lseg/ade20k_150")
    with pytest.raises(UserError, match="did you mean 'ade20k_150'"):
        layouts.preset("ade20k_15", tmp_path, "training")
    with pytest.raises(UserError, match="unknown split 'train': did you mean 'training'"):
        layouts.preset("shapes", tmp_path, "train")


def listed(folder, *names):
    path = folder.root / "list.txt"
    path.write_text("\n".join(names))
    return change(folder, names=str(path))


def test_a_list_names_the_pairs(folder):
    dataset = FolderDataset(listed(folder, "4", "deep/1"))
    assert [dataset.name(index) for index in range(2)] == ["4", "1"] and len(dataset) == 2
    with pytest.raises(UserError, match=r"'5' of '.*list.txt' has no image in .*images \(2 of 3 have"):
        FolderDataset(listed(folder, "5", "4"))  # neither image nor label map
    with pytest.raises(UserError, match=r"list.txt' has '4' 2 times: name each once"):
        FolderDataset(listed(folder, "4", "4"))
    with pytest.raises(UserError, match="list.txt' is empty"):
        FolderDataset(listed(folder))


def test_images_without_label_map_may_be_left_out(folder):
    (folder.root / "maps/4_ids.png").unlink()
    dataset = FolderDataset(change(folder, extra_images=True))
    assert len(dataset) == 8 and "4" not in [dataset.name(index) for index in range(8)]
    (folder.root / "images/6.png").unlink()
    with pytest.raises(UserError, match=r"label map '.*6_ids.png' has no image"):
        FolderDataset(change(folder, extra_images=True))


def test_hidden_classes_are_ignored(folder):
    shown, hidden = FolderDataset(folder.settings), FolderDataset(change(folder, hidden="cat, sky"))
    for index in range(len(shown)):
        target = shown.target(index)
        np.testing.assert_array_equal(hidden.target(index), np.where(target == 1, 1, -1))
    assert {0, 1, 2} <= set(np.unique(shown.target(0)))
    with pytest.raises(UserError, match="unknown label 'cow'"):
        FolderDataset(change(folder, hidden="cow"))
