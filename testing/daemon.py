"""A real Dagster daemon for a deployment."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

import dagster as dg
import psutil

from testing import PATIENCE_S
from testing.deployment import ROOT, Deployment


class Daemon:
    """`dagster-daemon run` with its code server; a context manager."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.log = deployment.home / "daemon.log"
        self.process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        program = Path(sys.executable).parent / "dagster-daemon"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [program, "run", "-w", "workspace.yaml"],
                cwd=ROOT,
                env=self.deployment.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return self

    def __exit__(self, *_: object) -> None:
        """End the daemon, its code server, and their child processes."""
        family = self.family()
        # The daemon first: a sensor under evaluation would fail without the code server.
        for part in (family[:1], family[1:]):
            for process in part:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            for process in psutil.wait_procs(part, timeout=30)[1]:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()

    def family(self) -> list[psutil.Process]:
        """Return the daemon and its descendants."""
        assert self.process is not None
        try:
            daemon = psutil.Process(self.process.pid)
            return [daemon, *daemon.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def kill(self) -> None:
        """Kill the daemon only."""
        assert self.process is not None
        os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


def open_instance(deployment: Deployment) -> dg.DagsterInstance:
    """Open the deployment's instance from the test's own process."""
    return dg.DagsterInstance.from_config(str(deployment.home / "dagster"))


def until(reached: Callable[[], Any], seconds: float = PATIENCE_S, what: str = "") -> Any:
    """Wait until `reached` returns a true value and return it; raise AssertionError after `seconds`."""
    end = time.monotonic() + seconds
    while (begin := time.monotonic()) < end:
        if found := reached():
            return found
        # Polling must not slow down what is waited for.
        time.sleep(max(0.25, 2 * (time.monotonic() - begin)))
    raise AssertionError(f"not within {seconds} s: {what or reached}")
