"""Fast start of a program of the virtual environment, in a process that has already imported what it needs.

Imports take most of the three seconds of a program like `reflector`, which the tests start hundreds of times. A server
imports them once and forks for each start. The child gets its arguments, environment, working folder and files, and
runs the program's whole script. Of our own packages, the server imports only those that read neither settings nor
environment on import: `domain`, `resources` and `service`.
"""

# pyright: basic

import atexit
import contextlib
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from filelock import FileLock

PACKAGES = (
    *("dagster", "dagster._core.storage.sqlite_storage", "dagster._core.storage.local_compute_log_manager"),
    *("dagster._core.storage.runs.sqlite", "dagster._core.storage.event_log.sqlite", "dagster._core.execution.api"),
    *("dagster._core.storage.schedules.sqlite", "dagster._core.run_coordinator.queued_run_coordinator"),
    *("dagster._core.launcher.default_run_launcher", "dagster._cli", "alembic.command", "sqlalchemy.dialects.sqlite"),
    *("typer", "rich.markdown", "rich.table", "pydantic_settings", "filelock", "psutil"),
    *("numpy", "pandas", "pyarrow.parquet", "av", "lameenc", "httpx", "psycopg2", "uvicorn.protocols.http.auto"),
    *("pyarrow.dataset", "narwhals", "sklearn.feature_extraction.text", "anyio.from_thread"),
    *("openai.resources.chat", "openai.resources.audio", "redis", "antlr4"),
)
OURS = ("domain", "resources", "service")
# The environment variable with the folder of the server's socket.
SHARED = "TESTING_PROGRAMS"
# Of a message between the processes.
MOST_BYTES = 1 << 17


class Program:
    """A running program, like subprocess.Popen; `arguments` begin with a script, or with "-m" and a module's name."""

    def __init__(
        self, arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], stdout: Any, stderr: Any
    ) -> None:
        self.args = [str(argument) for argument in arguments]
        self._connection, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET)
        with theirs:
            socket.send_fds(_server(), [b"."], [theirs.fileno(), stdout.fileno(), stderr.fileno()])
        self._connection.send(json.dumps([self.args, str(cwd), dict(env)]).encode())
        self.pid = int(self._connection.recv(MOST_BYTES))
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Return the exit code, or None while the program runs."""
        if self.returncode is None and select.select([self._connection], [], [], 0)[0]:
            self.wait()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and return the exit code; raise subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._connection.settimeout(timeout)
            try:
                self.returncode = int(self._connection.recv(MOST_BYTES))
            except TimeoutError:
                raise subprocess.TimeoutExpired(self.args, timeout or 0) from None
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal unless the program has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def run(
    arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """Run a program like `subprocess.run` with captured text output."""
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        program = Program(arguments, cwd=cwd, env=env, stdout=out, stderr=err)
        try:
            code = program.wait(timeout)
        except BaseException:
            program.kill()
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(program.args, code, out.read(), err.read())


def share() -> None:
    """Have this process and those that it starts use one server."""
    folder = tempfile.mkdtemp(prefix="programs-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.environ[SHARED] = folder


@cache
def _server() -> socket.socket:
    """Return a connection to the server, started if there is none; it ends when all connections are closed."""
    if SHARED not in os.environ:
        share()
    folder = Path(os.environ[SHARED])
    address = str(folder / "socket")
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with FileLock(folder / "lock"):
        try:
            connection.connect(address)
        except (FileNotFoundError, ConnectionRefusedError):
            Path(address).unlink(missing_ok=True)
            with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as listener:
                listener.bind(address)
                listener.listen()
                subprocess.Popen(
                    [sys.executable, "-m", "testing.programs", str(listener.fileno())],
                    cwd=Path(__file__).parent.parent,
                    stdin=subprocess.DEVNULL,
                    pass_fds=[listener.fileno()],
                )
            connection.connect(address)
    return connection


def _import() -> None:
    for name in PACKAGES:
        importlib.import_module(name)
    for name in OURS:
        for module in pkgutil.walk_packages(importlib.import_module(name).__path__, f"{name}."):
            if "migrations" not in module.name:
                importlib.import_module(module.name)


def _serve(listener: socket.socket) -> None:
    """Fork for every requested program; return in the child, which is set up to run it."""
    _import()
    # Exclude existing objects from garbage collection in the children.
    gc.freeze()
    clients: list[socket.socket] = [listener.accept()[0]]
    while True:
        ready = select.select([listener, *clients], [], [])[0]
        if listener in ready:
            clients.append(listener.accept()[0])
            continue
        _, files, *_ = socket.recv_fds(ready[0], 1, 3)
        # Waiting for children that have ended adds their CPU time to the server's.
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if files and os.fork() == 0:
            break
        for file in files:
            os.close(file)
        if not files:
            clients.remove(ready[0])
            ready[0].close()
        if not clients:
            # A later connection starts another server; those that wait already are still served.
            Path(listener.getsockname()).unlink(missing_ok=True)
            if not select.select([listener], [], [], 0)[0]:
                sys.exit()
    for inherited in (listener, *clients):
        inherited.close()
    connection = socket.socket(fileno=files[0])
    command, folder, env = json.loads(connection.recv(MOST_BYTES))
    if pid := os.fork():
        with contextlib.suppress(BrokenPipeError):
            connection.send(str(pid).encode())
            connection.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())
        os._exit(0)
    connection.close()
    os.dup2(files[1], 1)
    os.dup2(files[2], 2)
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(env)
    sys.argv[:] = command
    sys.path[0] = folder if command[0] == "-m" else str(Path(command[0]).parent)


def _run() -> int:
    """Run the program and return its exit code."""
    try:
        if sys.argv[0] == "-m":
            del sys.argv[0]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as error:
        if isinstance(error.code, str):
            print(error.code, file=sys.stderr)
            return 1
        return error.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    return 0


if __name__ == "__main__":
    _serve(socket.socket(fileno=int(sys.argv[1])))
    code = _run()
    # What Python does at its end, but for freeing each of a hundred thousand objects: that takes as long as the rest.
    threading._shutdown()  # pyright: ignore[reportAttributeAccessIssue] - joins the threads
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
