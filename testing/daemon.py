"""A real Dagster daemon for a deployment."""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import dagster as dg
import grpc
import psutil

from testing import HUNG_S
from testing.deployment import BIN, ROOT, Deployment
from testing.programs import Program


class Daemon:
    """A code server and `dagster-daemon run`, as in a deployment; a context manager.

    They are new processes, or with `forked` started in less time (testing/programs.py): then `Processes` doesn't
    recognize them. With `reloadable`, the code server is the one that deployments have, which loads the code anew on
    request; it takes another process.
    """

    def __init__(self, deployment: Deployment, *, forked: bool = False, reloadable: bool = False) -> None:
        self.deployment, self.forked = deployment, forked
        self.server = ("code-server", "start") if reloadable else ("api", "grpc")
        self.log = deployment.home / "daemon.log"
        self.process: subprocess.Popen[bytes] | Program | None = None
        self.code: subprocess.Popen[bytes] | Program | None = None
        self._folder: Path | None = None

    def __enter__(self) -> Self:
        """Start what doesn't run: the code server, then the daemon."""
        if self._folder is None:
            # A socket's path is limited to 107 bytes.
            self._folder = Path(tempfile.mkdtemp(prefix="code-"))
        socket = self._folder / "s"
        if self.code is None or self.code.poll() is not None:
            socket.unlink(missing_ok=True)
            # Not by `python_module`: that makes the daemon replace its code server every minute.
            self.workspace.write_text(f"load_from: [grpc_server: {{socket: {socket}, location_name: reflector}}]")
            code = ("-m", "reflector_assets.definitions", "--location-name", "reflector")
            self.code = self._start("dagster", *self.server, *code, "-s", str(socket), "--log-level", "warning")
            until(lambda: self._serves(socket), what="the code server")
        if self.process is None or self.process.poll() is not None:
            self.process = self._start("dagster-daemon", "run", "-w", str(self.workspace))
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon, the code server, and their child processes."""
        family = self.family()
        # The daemon first: a sensor under evaluation would fail without the code server.
        for part in (family[:1], family[1:]):
            for process in part:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            for process in psutil.wait_procs(part, timeout=30)[1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()
        if self._folder:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    @property
    def workspace(self) -> Path:
        """The workspace of the running code server, with which Dagster's commands start none of their own."""
        assert self._folder is not None
        return self._folder / "workspace.yaml"

    def family(self) -> list[psutil.Process]:
        """Return the daemon, the code server, and their descendants."""
        found: list[psutil.Process] = []
        for started in (self.process, self.code):
            if started is not None:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process = psutil.Process(started.pid)
                    found += [process, *process.children(recursive=True)]
        return found

    def kill(self) -> None:
        """Kill the daemon only."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def _start(self, program: str, *arguments: str) -> subprocess.Popen[bytes] | Program:
        start = Program if self.forked else partial(subprocess.Popen, start_new_session=True)
        with self.log.open("ab") as log:
            return start(
                [BIN / program, *arguments], cwd=ROOT, env=self.deployment.environment(), stdout=log, stderr=log
            )

    def _serves(self, socket: Path) -> bool:
        """Return True if the code server answers; raise AssertionError if it ended."""
        assert self.code is not None
        assert self.code.poll() is None, self.log.read_text()[-5000:]
        with grpc.insecure_channel(f"unix:{socket}") as channel:
            try:
                grpc.channel_ready_future(channel).result(timeout=1)
            except grpc.FutureTimeoutError:
                return False
        return True


def open_instance(deployment: Deployment) -> dg.DagsterInstance:
    """Open the deployment's instance from the test's own process."""
    return dg.DagsterInstance.from_config(str(deployment.home / "dagster"))


def until(reached: Callable[[], Any], seconds: float = HUNG_S, what: str = "") -> Any:
    """Wait until `reached` returns a true value and return it; raise AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while (begin := time.monotonic()) < end:
        if found := reached():
            return found
        # Polling must not slow down what is waited for.
        time.sleep(max(0.25, 2 * (time.monotonic() - begin)))
    raise AssertionError(f"not within {seconds} s: {what or reached}")
