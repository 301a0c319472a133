"""The queries of Dagster's own pages, and their cost in the web server and its code server."""

import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import psutil

from testing.parts.dagster_pages import DagsterPages

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


def figures(dagster_pages: DagsterPages, repeat: int) -> dict[str, dict[str, float]]:
    """Measure the lineage, a partitioned asset's page and the page of runs, each after a first answer."""
    asset = {"assetKey": {"path": ["transcript"]}}
    health = dagster_pages.query(HEALTH, asset)["assetNodeOrError"]
    assert len(health["assetPartitionStatuses"]["materializedPartitions"]) > 1, health
    keys = {"assetKeys": [{"path": [name]} for name in dagster_pages.assets]}
    pages: list[tuple[str, str, dict[str, Any]]] = [
        ("lineage, live state of all assets", LINEAGE, keys),
        ("lineage, stale badges of all assets", STALE, keys),
        ("partitions of one asset", HEALTH, asset),
        ("newest 25 runs", RUNS, {"limit": 25, "filter": {}}),
    ]
    found: dict[str, dict[str, float]] = {}
    for name, query, variables in pages:
        request = partial(dagster_pages.query, query, variables)
        request()
        found[f"Dagster: {name}"] = answers(dagster_pages.processes, request, repeat)
    return found
