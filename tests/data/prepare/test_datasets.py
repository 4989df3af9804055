"""Tiny archives in the official layout: whole, interrupted, damaged and harmful."""

import hashlib
import io
import os
import shutil
import tarfile
import zipfile
from collections import namedtuple
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from ms_ovs.data.prepare import unpack as unpacking
from ms_ovs.data.prepare.ade20k import ADE20K_150
from ms_ovs.data.prepare.archive import BYTES, Archive
from ms_ovs.data.prepare.datasets import DATASETS, prepare
from ms_ovs.data.prepare.recipe import Recipe
from ms_ovs.errors import UserError

FOLDER = "ADEChallengeData2016"
COUNTS = {"training": 3, "validation": 2}


def picture(values, form):
    buffer = io.BytesIO()
    Image.fromarray(np.array(values, np.uint8)).save(buffer, form)
    return buffer.getvalue()


def official():
    """{name in the archive: content}, in the layout of ADEChallengeData2016.zip."""
    files = {f"{FOLDER}/objectInfo150.txt": b"1\t0.1576\twall\n", f"{FOLDER}/sceneCategories.txt": b"a b\n"}
    for split, count in COUNTS.items():
        for number in range(count):
            name = f"ADE_{split[:5]}_{number:08}"
            image = np.full((4, 5, 3), 40 * number)
            files[f"{FOLDER}/images/{split}/{name}.jpg"] = picture(image, "JPEG")
            labels = np.full((4, 5), 150 - number)
            files[f"{FOLDER}/annotations/{split}/{name}.png"] = picture(labels, "PNG")
    return files


def pack_zip(path, files):
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in files.items():
            if name.endswith(".jpg"):
                folder = name.rpartition("/")[0] + "/"
                if folder not in archive.namelist():
                    archive.writestr(folder, b"")
            archive.writestr(name, content)
    return path


def pack_tar(path, files):
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        folder = tarfile.TarInfo(f"./{FOLDER}")
        folder.type = tarfile.DIRTYPE
        archive.addfile(folder)
        for name, content in files.items():
            info = tarfile.TarInfo(name if name.startswith("/") else f"./{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


@pytest.fixture
def files():
    return official()


@pytest.fixture
def source(tmp_path, files):
    return pack_zip(tmp_path / "ade.zip", files)


def described(source, counts=COUNTS, **changes):
    """The data set of an archive, when `source` is it."""
    known = Archive("ade.zip", FOLDER, sha1=hashlib.sha1(source.read_bytes()).hexdigest())
    return Recipe((replace(known, **changes),), counts, FOLDER)


@pytest.fixture
def run(monkeypatch):
    """Prepare a source, which passes for the official one if no other recipe is given."""

    def run(source, root, recipe=None, **options):
        known = recipe or (described(source) if source.exists() else ADE20K_150)
        monkeypatch.setitem(DATASETS, "ade20k_150", known)
        return prepare("ade20k_150", [source], root, **options)

    return run


def on_disk(root):
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()
    }


def test_the_official_description():
    assert DATASETS["ade20k_150"] is ADE20K_150
    assert ADE20K_150.counts == {"training": 20210, "validation": 2000}
    (archive,) = ADE20K_150.sources
    assert len(archive.sha1) == 40 and archive.folder == ADE20K_150.folder == FOLDER


@pytest.mark.parametrize("name", ["ade.zip", "ade.tar", "ade.tar.gz"])
def test_everything_is_unpacked(tmp_path, files, name, run):
    pack = pack_zip if name == "ade.zip" else pack_tar
    source = pack(tmp_path / name, files)
    root = tmp_path / "deep" / "data"
    told = []
    done = run(source, root, progress=lambda *values: told.append(values))
    assert on_disk(root) == files
    assert done.folder == root / FOLDER and done.counts == COUNTS
    assert (done.files.written, done.files.kept) == (len(files), 0)
    size = sum(map(len, files.values()))
    assert ("checking the sum", source.stat().st_size, source.stat().st_size, BYTES) in told
    assert ("unpacking", size, size, BYTES) in told and told[-1][0] == "counting"


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_good_files_are_kept_and_others_replaced(tmp_path, files, pack, run):
    source, root = pack(tmp_path / "ade.archive", files), tmp_path / "data"
    run(source, root)
    names = sorted(files)
    for path in (root / name for name in names):
        os.utime(path, (1, 1))
    gone, cut, other = (root / name for name in names[:3])
    gone.unlink()
    cut.write_bytes(files[names[1]][:-1])
    other.write_bytes(bytes(255 - byte for byte in files[names[2]]))  # of the same size
    (root / "mine.txt").write_text("mine")
    done = run(source, root)
    assert (done.files.written, done.files.kept) == (3, len(files) - 3)
    assert on_disk(root) == {**files, "mine.txt": b"mine"}
    assert {name for name in names if (root / name).stat().st_mtime == 1} == set(names[3:])


def test_an_interrupted_run_leaves_whole_files_and_goes_on(tmp_path, files, source, run):
    root, after = tmp_path / "data", 5

    def interrupt(stage, done, total, unit):
        if stage == "unpacking" and len(on_disk(root)) == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(source, root, progress=interrupt)
    left = on_disk(root)
    assert len(left) == after and left.items() <= files.items()
    done = run(source, root)
    assert (done.files.written, done.files.kept) == (len(files) - after, after)
    assert on_disk(root) == files


def test_what_a_killed_run_left_is_written_over(tmp_path, files, source, run):
    half = tmp_path / "data" / FOLDER / ".objectInfo150.txt.partial"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    run(source, tmp_path / "data")
    assert on_disk(tmp_path / "data") == files


def test_a_file_that_fails_half_way_is_not_there(tmp_path, files, source, run):
    name = f"{FOLDER}/sceneCategories.txt"
    packed = source.read_bytes()
    source.write_bytes(packed.replace(files[name], b"a c\n"))  # against its CRC
    with pytest.raises(UserError, match=r"ade.zip' is damaged \(Bad CRC-32 .*sceneCat.*\): fetch it again"):
        run(source, tmp_path / "data")
    assert set(on_disk(tmp_path / "data")) == {f"{FOLDER}/objectInfo150.txt"}


def test_the_sum(tmp_path, source, run):
    official = described(source, sha1="0" * 40)
    met = hashlib.sha1(source.read_bytes()).hexdigest()
    with pytest.raises(UserError, match=rf"has SHA-1 {met}, ade.zip has {'0' * 40}: fetch it again"):
        run(source, tmp_path / "data", official)
    assert not (tmp_path / "data").exists()
    with pytest.raises(UserError, match=f"has {'1' * 40}: fetch"):
        run(source, tmp_path / "data", sha1="1" * 40)
    for number, options in enumerate(({"sha1": met.upper()}, {"check": False})):
        assert run(source, tmp_path / str(number), official, **options).counts == COUNTS
    assert run(source, tmp_path / "unknown", described(source, sha1=None)).counts == COUNTS


def test_sums_that_are_none(tmp_path, source, run):
    with pytest.raises(UserError, match="'abc' is no SHA-1: give its 40 digits"):
        run(source, tmp_path / "data", sha1="abc")
    with pytest.raises(UserError, match="--sha1 and --no-check exclude each other"):
        run(source, tmp_path / "data", sha1="0" * 40, check=False)


@pytest.mark.parametrize(
    "name", ["../out", f"{FOLDER}/../../out", "/out", "C:\\out", f"{FOLDER}\\..\\..\\out"]
)
@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_paths_that_leave_the_folder(tmp_path, files, pack, name, run):
    source = pack(tmp_path / "ade.archive", {**files, name: b"harm"})
    with pytest.raises(UserError, match="out' leads out of the folder; nothing was unpacked"):
        run(source, tmp_path / "a/b/data")
    assert not (tmp_path / "a").exists()


def test_links_in_a_zip(tmp_path, source, run):
    link = zipfile.ZipInfo(f"{FOLDER}/images/link")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(link, "/etc")
    with pytest.raises(UserError, match="images/link' is a link or a device; nothing was unpacked"):
        run(source, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE])
def test_links_and_devices_in_a_tar(tmp_path, files, kind, run):
    source = pack_tar(tmp_path / "ade.tar", files)
    link = tarfile.TarInfo(f"{FOLDER}/images/link")
    link.type, link.linkname = kind, "/etc"
    with tarfile.open(source, "a") as archive:
        archive.addfile(link)
    with pytest.raises(UserError, match="images/link' is a link or a device"):
        run(source, tmp_path / "data")
    assert not (tmp_path / "data").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_stands_twice(tmp_path, source, run):
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr(f"{FOLDER}/objectInfo150.txt", "other")
    with pytest.raises(UserError, match="objectInfo150.txt' is there twice"):
        run(source, tmp_path / "data")


def test_other_folders_of_the_archive_are_left_out(tmp_path, files, run):
    source = pack_zip(tmp_path / "ade.zip", {**files, "__MACOSX/._x": b"junk", "top.txt": b"junk"})
    run(source, tmp_path / "data")
    assert on_disk(tmp_path / "data") == files


def test_files_that_are_no_such_archive(tmp_path, source, run):
    with pytest.raises(UserError, match="nowhere.zip' does not exist: fetch ade.zip from"):
        run(tmp_path / "nowhere.zip", tmp_path / "data", described(source))
    text = tmp_path / "text.zip"
    text.write_text("no archive")
    with pytest.raises(UserError, match="is neither a zip nor a tar, or is cut short"):
        run(text, tmp_path / "data")
    voc = pack_zip(tmp_path / "voc.zip", {"VOC/a.jpg": b"a"})
    with pytest.raises(UserError, match="has no files in a folder 'ADEChallengeData2016', but VOC: give"):
        run(voc, tmp_path / "data")


@pytest.mark.parametrize(
    ("size", "rule"),
    [
        (9000, "is damaged .*unexpected end of data.*: fetch it again"),  # within a file
        (2560, "ade20k_150 is not whole after unpacking: image folder .* does not exist"),  # between two
    ],
)
def test_a_tar_that_is_cut_short(tmp_path, files, size, rule, run):
    source = pack_tar(tmp_path / "ade.tar", files)
    source.write_bytes(source.read_bytes()[:size])
    with pytest.raises(UserError, match=rule):
        run(source, tmp_path / "data")


def test_a_disk_that_is_too_small(tmp_path, files, source, monkeypatch, run):
    blocks = len(files) * unpacking.BLOCK  # every file is smaller than a block
    usage = namedtuple("usage", "free")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(blocks - 1))
    with pytest.raises(UserError, match=r"has 0\.00 GB free, the files need 0\.00 GB: make room"):
        run(source, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(blocks))
    run(source, tmp_path / "data")
    monkeypatch.setattr(shutil, "disk_usage", lambda place: usage(0))
    run(source, tmp_path / "data")  # nothing is left to write


def test_places_that_cannot_be_written(tmp_path, files, source, run):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="file' is no folder"):
        run(source, tmp_path / "file")
    blocked = tmp_path / "data" / FOLDER / "objectInfo150.txt"
    blocked.mkdir(parents=True)
    with pytest.raises(
        UserError, match=r"cannot be written to \(Is a directory: .*\): mend that and run again"
    ):
        run(source, tmp_path / "data")


def test_counts(tmp_path, files, source, run):
    with pytest.raises(UserError, match="has 2 pairs for validation, ade20k_150 has 7: remove"):
        run(source, tmp_path / "data", described(source, counts={"training": 3, "validation": 7}))
    lone = next(name for name in files if name.endswith(".png"))
    source = pack_zip(tmp_path / "lone.zip", {name: c for name, c in files.items() if name != lone})
    with pytest.raises(UserError, match=r"has no label map in .* \(1 of 3 have no partner\)"):
        run(source, tmp_path / "other")
