"""Processes that tests start: the commands of this checkout, alone or by msrun."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent


def environment(**changes: str) -> dict[str, str]:
    """That of this process, with the commands of its interpreter first."""
    path = f"{BIN}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT), "GLOG_v": "3", **changes}


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def two(script: Path, *arguments: object, logs: Path) -> None:
    """Run a script in two processes on this machine; their output is the message if one fails."""
    launch = [BIN / "msrun", "--worker_num=2", "--local_worker_num=2", "--master_addr=127.0.0.1",
              f"--master_port={free_port()}", f"--log_dir={logs}", "--join=True"]  # fmt: skip
    done = subprocess.run(
        [*launch, script, *map(str, arguments)],
        env=environment(), cwd=logs, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    told = "\n".join(log.read_text() for log in sorted(logs.glob("worker_*.log")))
    assert done.returncode == 0, done.stdout + done.stderr + told
