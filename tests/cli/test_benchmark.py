"""`ms-ovs benchmark` hands over to the benchmarks of the checkout."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from ms_ovs.cli import benchmark
from ms_ovs.cli.main import app
from ms_ovs.errors import UserError


@pytest.mark.parametrize("status", [0, 2])
def test_it_hands_over_names_options_and_the_status(monkeypatch, status):
    called = {}

    def run(command, cwd):
        called.update(command=command, cwd=cwd)
        return SimpleNamespace(returncode=status)

    monkeypatch.setattr(subprocess, "run", run)
    result = CliRunner().invoke(app, ["benchmark", "clip", "text", "--quick", "--threads", "1"])
    assert result.exit_code == status
    assert called["command"] == [
        sys.executable,
        "-m",
        "benchmarks",
        "clip",
        "text",
        "--quick",
        "--threads",
        "1",
    ]
    assert (called["cwd"] / "benchmarks/__main__.py").is_file()


def test_without_a_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(benchmark, "CHECKOUT", tmp_path)
    result = CliRunner().invoke(app, ["benchmark"])
    assert isinstance(result.exception, UserError) and "in a checkout" in str(result.exception)
