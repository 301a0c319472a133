"""The running processes of a deployment, classified by their parents, so that a test can kill one of them."""

import contextlib
import os
from collections.abc import Mapping

import dagster as dg
import psutil

from reflector_assets import tags
from reflector_assets.records import IN_PROGRESS
from testing.deployment import Deployment


class Processes:
    """The running processes of a deployment, found by their Dagster instance and classified by their parents."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.home, self.instance = str(deployment.home / "dagster"), instance
        self.workers: dict[int, str] = {}

    def all(self) -> list[psutil.Process]:
        """Return every process that works on the instance, including orphans."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.pid != os.getpid() and process.environ().get("DAGSTER_HOME") == self.home:
                    found.append(process)
        return found

    def run_workers(self) -> dict[psutil.Process, str | None]:
        """Return the processes that execute runs, children of a code server, with their recording if known yet."""
        self._learn()
        found = [p for p in self.all() if _says(p, "spawn_main") and _says(_parent(p), "api grpc")]
        return {process: self.workers.get(process.pid) for process in found}

    def steps(self, workers: Mapping[psutil.Process, str | None]) -> dict[psutil.Process, str]:
        """Return the processes that execute steps, forked by these run workers' fork servers, with their recording."""
        return {
            step: recording
            for worker, recording in workers.items()
            if recording
            for server in _children(worker)
            if _says(server, "forkserver")
            for step in _children(server)
            if _says(step, "forkserver")
        }

    def _learn(self) -> None:
        for run in self.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
            records = self.instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
            for record in records:
                event = record.event_log_entry.dagster_event
                if event and event.step_key is None and (pid := event.engine_event_data.metadata.get("pid")):
                    self.workers[int(str(pid.value))] = run.tags[tags.PARTITION]


def _says(process: psutil.Process | None, word: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process is not None and process.status() != psutil.STATUS_ZOMBIE and word in " ".join(process.cmdline())
    return False


def _parent(process: psutil.Process) -> psutil.Process | None:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.parent()
    return None


def _children(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.children()
    return []
