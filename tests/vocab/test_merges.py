"""Finding, installing and refusing the merges file. Nothing here needs the network."""

import gzip
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from ms_ovs.errors import UserError
from ms_ovs.vocab import merges


@pytest.fixture(scope="module")
def original():
    """The bytes of the real file, from where the machine has it."""
    return merges.find_merges().read_bytes()


@pytest.fixture(autouse=True)
def empty_machine(original, monkeypatch, tmp_path):
    """An empty cache, no environment, no installed package."""
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("MS_OVS_MERGES", raising=False)
    monkeypatch.setattr(merges, "PACKAGES", ("ms_ovs_no_such_package",))


def put(path, data):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def wheel(path, data, member="open_clip/" + merges.FILE):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("open_clip/__init__.py", "")
        archive.writestr(member, data)
    return path


def error(call, *args):
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_there():
    assert "ms-ovs vocab install" in error(merges.find_merges)


def test_search_order(original, monkeypatch, tmp_path):
    package = put(tmp_path / "site" / "fake_open_clip" / merges.FILE, original)
    put(package.parent / "__init__.py", b"raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(merges, "PACKAGES", ("ms_ovs_no_such_package", "fake_open_clip"))
    assert merges.find_merges() == package
    assert "fake_open_clip" not in sys.modules

    cached = put(tmp_path / "cache" / merges.FILE, original)
    assert merges.find_merges() == cached

    named = put(tmp_path / "named.gz", original)
    monkeypatch.setenv("MS_OVS_MERGES", str(named))
    assert merges.find_merges() == named

    given = put(tmp_path / "given.gz", original)
    assert merges.find_merges(given) == given


def test_package_without_the_file(monkeypatch, tmp_path):
    put(tmp_path / "site" / "other_clip" / "__init__.py", b"")
    monkeypatch.syspath_prepend(tmp_path / "site")
    monkeypatch.setattr(merges, "PACKAGES", ("other_clip",))
    assert "not on this machine" in error(merges.find_merges)


def test_a_given_path_is_not_silently_replaced(original, tmp_path):
    put(tmp_path / "cache" / merges.FILE, original)
    assert "no such file" in error(merges.find_merges, tmp_path / "missing.gz")
    assert "is a directory" in error(merges.find_merges, tmp_path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: b"",
        lambda data: b"a b\nc d\n",
        lambda data: gzip.compress(b"a b\nc d\n"),
        lambda data: gzip.compress(gzip.decompress(data) + b"x"),
        lambda data: data[: len(data) // 2],
        lambda data: data[:5000] + bytes([data[5000] ^ 255]) + data[5001:],
        lambda data: gzip.compress(bytes(64 * 2**20)),  # a bomb is not unpacked beyond the limit
    ],
    ids=["empty", "other text", "other gzip", "one byte more", "cut", "flipped", "bomb"],
)
def test_another_or_damaged_file(original, spoil, tmp_path):
    bad = put(tmp_path / "bad.gz", spoil(original))
    for call in (merges.find_merges, merges.install):
        message = error(call, bad)
        assert "bad.gz" in message and "ms-ovs vocab install" in message
    assert not (tmp_path / "cache").exists()


def test_read_merges(original, tmp_path):
    pairs = merges.read_merges(put(tmp_path / "m.gz", original))
    assert len(pairs) == 48894 == len(set(pairs))
    assert pairs[0] == ("i", "n") and all(len(pair) == 2 for pair in pairs)


@pytest.mark.parametrize("kind", ["gzip", "text", "repacked", "wheel"])
def test_install_from_a_local_file(original, kind, tmp_path):
    source = {
        "gzip": lambda: put(tmp_path / "in.gz", original),
        "text": lambda: put(tmp_path / "in.txt", gzip.decompress(original)),
        "repacked": lambda: put(tmp_path / "in.gz", gzip.compress(gzip.decompress(original), 1)),
        "wheel": lambda: wheel(tmp_path / "in.whl", original),
    }[kind]()
    target = merges.install(source)
    assert target == merges.find_merges() == tmp_path / "cache" / merges.FILE
    assert gzip.decompress(target.read_bytes()) == gzip.decompress(original)
    assert [path.name for path in target.parent.iterdir()] == [merges.FILE]


def test_install_from_a_wheel_without_it_or_cut(original, tmp_path):
    assert "does not hold" in error(
        merges.install, wheel(tmp_path / "a.whl", b"", member="clip/other.txt.gz")
    )
    whole = wheel(tmp_path / "b.whl", original)
    data = bytearray(whole.read_bytes())
    data[700_000] ^= 255
    whole.write_bytes(bytes(data))
    assert "b.whl" in error(merges.install, whole)
    assert not (tmp_path / "cache").exists()


def test_install_by_pip(original, monkeypatch, tmp_path):
    def pip(command, **options):
        assert command[:4] == [sys.executable, "-m", "pip", "download"] and "--no-deps" in command
        wheel(Path(command[command.index("--dest") + 1]) / "open_clip_torch-1-py3-none-any.whl", original)
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(subprocess, "run", pip)
    assert merges.install() == merges.find_merges()


@pytest.mark.parametrize(
    ("stderr", "shown"),
    [
        ("WARNING: slow\nERROR: No matching distribution\nhint: try\n", "No matching distribution"),
        ("/venv/bin/python: No module named pip\n", "No module named pip"),
        ("", "no message"),
    ],
)
def test_pip_fails(monkeypatch, stderr, shown, tmp_path):
    monkeypatch.setattr(
        subprocess, "run", lambda command, **options: subprocess.CompletedProcess(command, 1, "", stderr)
    )
    message = error(merges.install)
    assert shown in message and "--from FILE" in message
    assert not (tmp_path / "cache").exists()


def test_cache_that_cannot_be_written(original, monkeypatch, tmp_path):
    put(tmp_path / "file", b"")
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path / "file"))
    assert "MS_OVS_CACHE" in error(merges.install, put(tmp_path / "in.gz", original))
