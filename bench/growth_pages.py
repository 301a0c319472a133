"""The queries of Dagster's own pages, and their cost in the web server and its code server."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import httpx
import psutil

from testing.deployment import ROOT, Deployment
from testing.parts import free_ports

# From the pages of Dagster 1.13, by name, without the fields that cost nothing: colours, owners, descriptions.
LINEAGE = """query AssetGraphLiveQuery($assetKeys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $assetKeys, loadMaterializations: true) {
    id
    assetKey { path }
    assetMaterializations(limit: 1) { timestamp runId stepKey }
    assetObservations(limit: 1) { timestamp runId stepKey }
    assetChecksOrError {
      ... on AssetChecks {
        checks { name executionForLatestMaterialization { id runId status timestamp evaluation { severity } } }
      }
    }
    partitionStats { numMaterialized numMaterializing numPartitions numFailed }
  }
  assetsLatestInfo(assetKeys: $assetKeys) {
    id unstartedRunIds inProgressRunIds latestRun { id status startTime endTime }
  }
}"""
STALE = """query AssetStaleStatusDataQuery($assetKeys: [AssetKeyInput!]!) {
  assetNodes(assetKeys: $assetKeys) {
    id
    assetKey { path }
    staleStatus
    staleCauses { key { path } reason category dependency { path } }
  }
}"""
HEALTH = """query PartitionHealthQuery($assetKey: AssetKeyInput!) {
  assetNodeOrError(assetKey: $assetKey) {
    ... on AssetNode {
      id
      partitionKeysByDimension { name type partitionKeys }
      assetPartitionStatuses {
        ... on DefaultPartitionStatuses { materializedPartitions materializingPartitions failedPartitions }
      }
    }
  }
}"""
RUNS = """query RunsRootQuery($limit: Int!, $filter: RunsFilter!) {
  pipelineRunsOrError(limit: $limit, filter: $filter) {
    ... on Runs { results { id status tags { key value } startTime endTime assetSelection { path } } }
  }
}"""


def answers(processes: Sequence[psutil.Process], request: Callable[[], object], repeat: int) -> dict[str, float]:
    """Return CPU and wall milliseconds of one of several answers, and the servers' memory in MiB afterwards."""

    def cpu() -> float:
        return sum(sum(process.cpu_times()[:2]) for process in processes)

    used, began = cpu(), time.perf_counter()
    for _ in range(repeat):
        request()
    wall, used = time.perf_counter() - began, cpu() - used
    memory = sum(process.memory_info().rss for process in processes) / 2**20
    return {"cpu": used * 1000 / repeat, "wall": wall * 1000 / repeat, "peak": memory}


class DagsterPages:
    """Dagster's web server on a deployment, with the code server that it starts; a context manager."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.port = deployment, free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | None = None
        self.servers: list[psutil.Process] = []

    def __enter__(self) -> Self:
        program = f"{sys.prefix}/bin/dagster-webserver"
        with (self.deployment.home / "webserver.log").open("ab") as log:
            self.process = subprocess.Popen(
                [program, "-h", "127.0.0.1", "-p", str(self.port), "-w", "workspace.yaml"],
                cwd=ROOT,
                env=self.deployment.environment(),
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + 120
        while True:
            try:
                self.assets = self._assets()
                break
            except (httpx.TransportError, RuntimeError):
                if self.process.poll() is not None or time.monotonic() > end:
                    self.__exit__()
                    raise
                time.sleep(0.2)
        server = psutil.Process(self.process.pid)
        self.servers = [server, *server.children(recursive=True)]
        return self

    def __exit__(self, *_: object) -> None:
        assert self.process is not None
        with contextlib.suppress(psutil.NoSuchProcess):
            below = psutil.Process(self.process.pid).children(recursive=True)
            for process in (self.process, *below):
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.terminate()
            psutil.wait_procs(below, timeout=10)
        self.process.wait(timeout=30)

    def query(self, query: str, variables: dict[str, Any]) -> Any:
        """Return the data of an answer; raise RuntimeError with its errors."""
        url = f"http://127.0.0.1:{self.port}/graphql"
        answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=300, trust_env=False).json()
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"])[:500])
        return answer["data"]

    def figures(self, repeat: int) -> dict[str, dict[str, float]]:
        """Measure the lineage, a partitioned asset's page and the page of runs, each after a first answer."""
        asset = {"assetKey": {"path": ["transcript"]}}
        health = self.query(HEALTH, asset)["assetNodeOrError"]
        assert len(health["assetPartitionStatuses"]["materializedPartitions"]) > 1, health
        keys = {"assetKeys": [{"path": [name]} for name in self.assets]}
        pages: list[tuple[str, str, dict[str, Any]]] = [
            ("lineage, live state of all assets", LINEAGE, keys),
            ("lineage, stale badges of all assets", STALE, keys),
            ("partitions of one asset", HEALTH, asset),
            ("newest 25 runs", RUNS, {"limit": 25, "filter": {}}),
        ]
        found: dict[str, dict[str, float]] = {}
        for name, query, variables in pages:
            request = partial(self.query, query, variables)
            request()
            found[f"Dagster: {name}"] = answers(self.servers, request, repeat)
        return found

    def _assets(self) -> list[str]:
        nodes = self.query("{ assetNodes { assetKey { path } } }", {})["assetNodes"]
        if not nodes:
            raise RuntimeError("the code is not loaded yet")
        return [node["assetKey"]["path"][-1] for node in nodes]
