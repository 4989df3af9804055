"""Whole files or none."""

import os

import pytest

from ms_ovs.files import replacing, write_whole


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
