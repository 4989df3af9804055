"""The cache folder."""

from ms_ovs.vocab.files import cache_folder


def test_cache_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path))
    assert cache_folder() == tmp_path
    monkeypatch.delenv("MS_OVS_CACHE")
    assert cache_folder().name == "ms_ovs" and cache_folder() != tmp_path
