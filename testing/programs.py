"""Starts a program of the virtual environment quickly: in a process that has imported other people's packages already.

A program like `reflector` needs two of its three seconds for these imports, and the tests start it a hundred times. So
a server imports them once and forks itself for each start. The child has the arguments, environment, folder and files
that it is given, and runs the program's script from its first line on; nothing of ours was imported before.
"""

import atexit
import contextlib
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

PACKAGES = (
    *("dagster", "dagster._core.storage.sqlite_storage", "dagster._core.storage.local_compute_log_manager"),
    *("dagster._core.storage.runs.sqlite", "dagster._core.storage.event_log.sqlite", "dagster._core.execution.api"),
    *("dagster._core.storage.schedules.sqlite", "dagster._core.run_coordinator.queued_run_coordinator"),
    *("dagster._core.launcher.default_run_launcher", "alembic.command", "sqlalchemy.dialects.sqlite"),
    *("typer", "rich.markdown", "rich.table", "pydantic_settings", "filelock", "psutil"),
    *("numpy", "pandas", "pyarrow.parquet", "av", "lameenc", "httpx"),
)


def run(
    program: Path, arguments: Sequence[str], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a Python script to its end, as subprocess.run does when it captures the output as text."""
    command = [str(program), *arguments]
    ours, theirs = socket.socketpair()
    with ours, tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        with theirs:
            socket.send_fds(_server(), [b"."], [theirs.fileno(), out.fileno(), err.fileno()])
        ours.settimeout(timeout)
        line = ours.makefile("rw")
        print(json.dumps([command, str(cwd), dict(env)]), file=line, flush=True)
        pid = int(line.readline())
        try:
            code = int(line.readline())
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(command, timeout) from None
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(command, code, out.read(), err.read())


@cache
def _server() -> socket.socket:
    """Start this process's server, which ends when this process does, and return the way to it."""
    ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
    with theirs:
        server = subprocess.Popen(
            [sys.executable, "-m", "testing.programs", str(theirs.fileno())],
            cwd=Path(__file__).parent.parent,
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    atexit.register(server.wait)
    atexit.register(ours.close)
    return ours


def _serve(asked: socket.socket) -> None:
    """Fork for every program that is asked for; returns in the child that is to run it, set up for that."""
    for name in PACKAGES:
        importlib.import_module(name)
    # What is here already is not looked through for garbage again in every child.
    gc.freeze()
    while True:
        _, files, *_ = socket.recv_fds(asked, 1, 3)
        # Waiting for children that have ended adds their CPU time to the server's.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not files:
            sys.exit()
        if os.fork() == 0:
            break
        for file in files:
            os.close(file)
    asked.close()
    line = socket.socket(fileno=files[0]).makefile("rw")
    command, folder, env = json.loads(line.readline())
    if pid := os.fork():
        print(pid, file=line, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), file=line, flush=True)
        os._exit(0)
    line.close()
    os.dup2(files[1], 1)
    os.dup2(files[2], 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = command
    sys.path[0] = str(Path(command[0]).parent)


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    runpy.run_path(sys.argv[0], run_name="__main__")
