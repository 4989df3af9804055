"""The ends of a command: one line and a status."""

import signal

import pytest
import typer

from ms_ovs import command
from ms_ovs.errors import UserError


@pytest.fixture
def leave(monkeypatch, capsys):
    """Run a command that does `work`: (status, stderr)."""
    before = signal.getsignal(signal.SIGTERM)

    def leave(work, *arguments):
        app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
        app.command()(work)
        monkeypatch.setattr("sys.argv", ["x", *arguments])
        with pytest.raises(SystemExit) as ended:
            command.run(app, "python -m tool")
        return ended.value.code, capsys.readouterr().err

    yield leave
    signal.signal(signal.SIGTERM, before)


def test_a_command_that_goes_well(leave):
    assert leave(lambda: None) == (0, "")


@pytest.mark.parametrize(
    ("error", "status", "message"),
    [
        (UserError("no\nlabels"), 2, "tool: error: no labels\n"),
        (OSError(28, "No space left on device"), 2, "tool: error: [Errno 28] No space left on device\n"),
        (typer.Exit(1), 1, ""),
        (KeyboardInterrupt(), 130, ""),
    ],
)
def test_what_is_raised_is_one_line_and_a_status(leave, error, status, message):
    def work():
        raise error

    assert leave(work) == (status, message)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "Missing option '--number' (see python -m tool --help)"),
        (["--number", "x"], "Invalid value for '--number'"),
        (["--numbr", "1"], "No such option: --numbr"),
    ],
)
def test_a_wrong_option_is_one_line(leave, arguments, message):
    def work(number: int = typer.Option()):
        raise AssertionError

    status, errors = leave(work, *arguments)
    assert status == 2 and errors.count("\n") == 1
    assert errors.startswith(f"tool: error: {message}")


def test_a_request_to_end_tidies_up(leave):
    tidied = []

    def work():
        try:
            signal.raise_signal(signal.SIGTERM)
        finally:
            tidied.append(True)

    assert leave(work) == (130, "") and tidied


def test_our_own_mistakes_keep_their_traceback(leave):
    with pytest.raises(ZeroDivisionError):
        leave(lambda: 1 / 0)
