"""`ms-ovs vocab`: what it prints and what it refuses."""

import pytest
from typer.testing import CliRunner

from ms_ovs.cli.vocab import app
from ms_ovs.errors import UserError
from ms_ovs.vocab import labels, merges


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


def test_show_what_a_system_reads():
    shown = invoke("show", "ade20k_150", "--system", "maft").output
    assert "   6  road, route\n" in shown and "150 classes, 150 words, 2100 prompts" in shown
    assert "words of maft/ade20k_150, templates vild_14; synonyms as one phrase" in shown
    assert "data set: 150 ids in its annotations; 100 things, 50 stuff\n" in shown


def test_templates_go_before_those_of_the_system():
    shown = invoke("show", "voc_21", "--system", "maft_plus", "--templates", "none").output
    assert "21 classes, 153 words, 153 prompts" in shown and "templates none" in shown
    assert "unseen in the zero-shot protocol: pottedplant, sheep, sofa, train, tvmonitor" in shown


def test_facts_are_those_of_data_sets_alone():
    assert "data set: masks without classes" in invoke("show", "fss1000").output
    assert "data set" not in invoke("show", "lseg/ade20k_150").output


def test_show_refuses_an_unknown_system():
    with pytest.raises(UserError, match="unknown system 'mafft': did you mean 'maft'"):
        invoke("show", "voc_20", "--system", "mafft")


def rows(output):
    """{first cell: other cells} of the lines of tables."""
    return {cells[0]: cells[1:] for line in output.splitlines() if (cells := line.split())}


def test_list(monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    output = invoke("list").output
    shown = rows(output)
    assert shown["list"] == ["classes", "words", "lseg/", "maft/", "maft_plus/", "maskclip/"]
    assert shown["ade20k_150"] == ["150", "333", "150", "150", "403", "150"]
    assert shown["voc_21"] == ["21", "21", "–", "–", "153", "–"]
    assert shown["vild_14"] == ["14", "maft,", "maft_plus"]
    assert shown["lseg_zero_shot"][-2:] == ['"others",', "first"]
    assert {name.split("/")[-1] for name in labels.builtin()} <= set(shown)


def test_install_from_file(monkeypatch, tmp_path):
    source = merges.find_merges()
    monkeypatch.setenv("MS_OVS_CACHE", str(tmp_path))
    monkeypatch.delenv("MS_OVS_MERGES", raising=False)
    result = invoke("install", "--from", str(source))
    assert result.exit_code == 0 and str(tmp_path / merges.FILE) in result.output.replace("\n", "")
    assert merges.find_merges() == tmp_path / merges.FILE
