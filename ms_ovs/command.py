"""How the commands begin and end: a user's mistake is one line on stderr and exit status 2."""

import signal
import sys

import typer

from ms_ovs.errors import UserError

UsageError = typer.BadParameter.__base__  # click's, or that of the copy which newer Typers bring along
INTERRUPTED = 130


def run(app: typer.Typer, name: str) -> None:
    """Run a command line called `name` and leave with its exit status.

    Bad input (`UserError`), a wrong option and a file that cannot be read or written are one line; anything
    else is a mistake of ours and keeps its traceback. A command that is told to end (SIGTERM) tidies up
    as an interrupted one does.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        status = app(prog_name=name, standalone_mode=False)
    except UsageError as error:
        status, message = 2, error.format_message()
        if message:  # there is none where the help was shown instead
            command = error.ctx.command_path if error.ctx else name
            _print(name, f"{message.rstrip('.')} (see {command} --help)")
    except (UserError, OSError) as error:
        status = 2
        _print(name, str(error))
    except (KeyboardInterrupt, typer.Abort):
        status = INTERRUPTED
    sys.exit(status or 0)


def _print(name: str, message: str) -> None:
    print(f"{name.split()[-1]}: error:", " ".join(message.split()), file=sys.stderr)
