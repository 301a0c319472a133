"""What Dagster's own pages ask for, and what each answer costs the web server and its code server together."""

import contextlib
import subprocess
import sys
import time
from typing import Any, Self

import httpx
import psutil

from testing.deployment import ROOT, Deployment
from testing.parts import free_ports

# As the pages of Dagster 1.13 ask, by name, without what costs nothing: colours of kinds, owners, descriptions.
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


class DagsterPages:
    """A web server of Dagster's over a deployment, with the code server that it starts; a context manager."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.port = deployment, free_ports(1)[0]
        self.process: subprocess.Popen[bytes] | None = None
        self.family: list[psutil.Process] = []

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
            except (httpx.TransportError, RuntimeError):
                if self.process.poll() is not None or time.monotonic() > end:
                    self.__exit__()
                    raise
                time.sleep(0.2)
            else:
                break
        server = psutil.Process(self.process.pid)
        self.family = [server, *server.children(recursive=True)]
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

    def ask(self, query: str, variables: dict[str, Any]) -> Any:
        """Ask one query; raises RuntimeError with the errors that the answer names."""
        url = f"http://127.0.0.1:{self.port}/graphql"
        answer = httpx.post(url, json={"query": query, "variables": variables}, timeout=300, trust_env=False).json()
        if answer.get("errors"):
            raise RuntimeError(str(answer["errors"])[:500])
        return answer["data"]

    def cost(self, query: str, variables: dict[str, Any], repeat: int) -> dict[str, float]:
        """CPU and wall milliseconds of one of several answers, the first left out, and memory in MiB."""
        self.ask(query, variables)
        used, began = self._cpu(), time.perf_counter()
        for _ in range(repeat):
            self.ask(query, variables)
        wall, cpu = time.perf_counter() - began, self._cpu() - used
        memory = sum(one.memory_info().rss for one in self.family) / 2**20
        return {"cpu": cpu * 1000 / repeat, "wall": wall * 1000 / repeat, "peak": memory}

    def figures(self, repeat: int) -> dict[str, dict[str, float]]:
        """What the lineage, a partitioned asset's page and the page of runs cost."""
        keys = {"assetKeys": [{"path": [name]} for name in self.assets]}
        health = self.ask(HEALTH, {"assetKey": {"path": ["transcript"]}})["assetNodeOrError"]
        assert len(health["assetPartitionStatuses"]["materializedPartitions"]) > 1, health
        return {
            "Dagster: lineage, live state of all assets": self.cost(LINEAGE, keys, repeat),
            "Dagster: lineage, stale badges of all assets": self.cost(STALE, keys, repeat),
            "Dagster: partitions of one asset": self.cost(HEALTH, {"assetKey": {"path": ["transcript"]}}, repeat),
            "Dagster: newest 25 runs": self.cost(RUNS, {"limit": 25, "filter": {}}, repeat),
        }

    def _assets(self) -> list[str]:
        nodes = self.ask("{ assetNodes { assetKey { path } } }", {})["assetNodes"]
        if not nodes:
            raise RuntimeError("the code is not loaded yet")
        return [node["assetKey"]["path"][-1] for node in nodes]

    def _cpu(self) -> float:
        return sum(sum(one.cpu_times()[:2]) for one in self.family)
