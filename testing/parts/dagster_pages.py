"""Dagster's own web server."""

import contextlib
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from testing.deployment import ROOT, Deployment
from testing.parts import free_ports, wait_until_it_answers
from testing.programs import Program

RELOAD = """mutation ReloadRepositoryLocation($name: String!) {
  reloadRepositoryLocation(repositoryLocationName: $name) {
    __typename
    ... on WorkspaceLocationEntry { loadStatus }
  }
}"""


class DagsterPages:
    """Dagster's web server on a deployment, with the code server that it starts, if any; a context manager.

    It is a new process, or with `forked` started in less time (testing/programs.py).
    """

    def __init__(
        self, deployment: Deployment, workspace: Path = ROOT / "workspace.yaml", *, forked: bool = False
    ) -> None:
        self.deployment, self.workspace, self.forked = deployment, workspace, forked
        self.port = free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | Program | None = None
        self.processes: list[psutil.Process] = []
        self.assets: list[str] = []

    def __enter__(self) -> Self:
        start = Program if self.forked else partial(subprocess.Popen, start_new_session=True)
        command = [f"{sys.prefix}/bin/dagster-webserver", "-h", "127.0.0.1", "-p", str(self.port)]
        path = self.deployment.home / "webserver.log"
        with path.open("ab") as log:
            self.process = start(
                [*command, "-w", str(self.workspace)],
                cwd=ROOT,
                env=self.deployment.environment(),
                stdout=log,
                stderr=log,
            )
        try:
            wait_until_it_answers(self._read_assets, self.process, path, httpx.TransportError, RuntimeError)
        except BaseException:
            self.__exit__()
            raise
        server = psutil.Process(self.process.pid)
        self.processes = [server, *server.children(recursive=True)]
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            server = psutil.Process(self.process.pid)
            family = [server, *server.children(recursive=True)]
            for process in family:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            psutil.wait_procs(family, timeout=30)
        self.process.wait(timeout=30)

    def query(self, query: str, variables: dict[str, Any]) -> Any:
        """Return the data of an answer; raise RuntimeError with its errors."""
        url = f"http://127.0.0.1:{self.port}/graphql"
        answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=300, trust_env=False).json()
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"])[:500])
        return answer["data"]

    def reload(self, location: str) -> None:
        """Load the code of a location anew, as the button "Reload" does; raise RuntimeError if that fails."""
        entry = self.query(RELOAD, {"name": location})["reloadRepositoryLocation"]
        if entry.get("loadStatus") != "LOADED":
            raise RuntimeError(f"the code was not loaded: {entry}")

    def _read_assets(self) -> None:
        nodes = self.query("{ assetNodes { assetKey { path } } }", {})["assetNodes"]
        if not nodes:
            raise RuntimeError("the code is not loaded yet")
        self.assets = [node["assetKey"]["path"][-1] for node in nodes]
