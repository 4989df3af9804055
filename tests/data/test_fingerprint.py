"""The hash of a data set's listing: of names, sizes and meaning, wherever it lies."""

import shutil

from ms_ovs.data.fingerprint import fingerprint
from ms_ovs.data.folders import FolderDataset


def of(settings):
    return fingerprint(settings, FolderDataset(settings))


def moved(settings, old, new):
    places = {key: getattr(settings, key).replace(str(old), str(new)) for key in ("image_dir", "label_dir")}
    return settings.model_copy(update=places)


def test_a_data_set_may_move(folder, tmp_path_factory):
    before = of(folder.settings)
    assert before == of(folder.settings) and len(before) == 64
    place = tmp_path_factory.mktemp("other") / "place"
    shutil.copytree(folder.root, place)
    assert of(moved(folder.settings, folder.root, place)) == before


def test_names_sizes_and_meaning_count(folder):
    found = {of(folder.settings), of(folder.settings.model_copy(update={"hidden": "cat, sky"}))}
    path = folder.root / "images/0.png"
    path.write_bytes(path.read_bytes() + b"0")
    found.add(of(folder.settings))
    for name in ("images/0.png", "maps/0_ids.png"):
        (folder.root / name).rename(folder.root / name.replace("0", "00"))
    found.add(of(folder.settings))
    path = folder.root / "maps/2_ids.png"
    path.write_bytes(path.read_bytes() + b"0")
    found.add(of(folder.settings))
    assert len(found) == 5
