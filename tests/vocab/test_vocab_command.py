"""`ms-ovs vocab`: what it prints and what it refuses."""

import pytest
from typer.testing import CliRunner

from ms_ovs.cli.vocab import app
from ms_ovs.errors import UserError
from ms_ovs.vocab import merges


def invoke(*arguments):
    return CliRunner().invoke(app, arguments, catch_exceptions=False)


def test_show():
    result = invoke("show", "cat, grass|lawn, other", "--templates", "vild_14")
    assert result.exit_code == 0
    assert "grass | lawn" in result.output
    assert "3 classes, 4 words, 56 prompts" in result.output and "11 of 77 tokens" in result.output


def test_show_refuses():
    with pytest.raises(UserError, match="twice"):
        invoke("show", "cat, cat")
    with pytest.raises(UserError, match="tokens long"):
        invoke("show", "word " * 90)


def test_install_from_file(monkeypatch, tmp_path):
    source = merges.find_merges()
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path))
    monkeypatch.delenv("MS_OVS_MERGES", raising=False)
    result = invoke("install", "--from", str(source))
    assert result.exit_code == 0 and str(tmp_path / merges.FILE) in result.output.replace("\n", "")
    assert merges.find_merges() == tmp_path / merges.FILE
