"""Whole files or none."""

import os

import pytest

from ms_ovs.errors import UserError
from ms_ovs.files import check_new_folder, check_place, replacing, write_whole


def test_write_replaces_and_makes_folders(tmp_path):
    path = tmp_path / "a" / "b"
    write_whole(path, b"one")
    write_whole(path, b"two")
    assert path.read_bytes() == b"two" and os.listdir(path.parent) == ["b"]


def test_failure_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "a"
    write_whole(path, b"old")

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["a"]


def test_an_error_in_the_block_leaves_nothing(tmp_path):
    with pytest.raises(RuntimeError), replacing(tmp_path / "a") as file:
        file.write(b"half")
        raise RuntimeError
    assert os.listdir(tmp_path) == []


def test_others_may_read_what_the_umask_allows(tmp_path):
    path = tmp_path / "a"
    old = os.umask(0o022)
    try:
        write_whole(path, "text")
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o644


def test_a_place_is_looked_at_and_left_as_it_was(tmp_path):
    (tmp_path / "file").touch()
    check_place(tmp_path / "file", "report")
    check_place(tmp_path / "new" / "folders" / "a.json", "report")
    for name, fault in {".": "is a folder", "file/a.json": r"cannot be written \(Not a directory\)"}.items():
        with pytest.raises(UserError, match=f"^report '.*' {fault}"):
            check_place(tmp_path / name, "report")
    assert os.listdir(tmp_path) == ["file"]


def test_a_new_folder_is_empty_or_not_there(tmp_path):
    check_new_folder(tmp_path / "deep" / "new", "folder of maps")
    (tmp_path / "empty").mkdir()
    check_new_folder(tmp_path / "empty", "folder of maps")
    assert os.listdir(tmp_path) == ["empty"]
    (tmp_path / "file").touch()
    for name, fault in {".": "holds files already", "file": "cannot be written"}.items():
        with pytest.raises(UserError, match=f"^folder of maps '.*' {fault}"):
            check_new_folder(tmp_path / name, "folder of maps")
