"""The running processes of a deployment by what they do, so that a test can kill one of them."""

import contextlib
import os
from collections.abc import Iterable

import dagster as dg
import psutil

from reflector_assets import tags
from reflector_assets.records import IN_PROGRESS
from testing.deployment import Deployment


class Processes:
    """The running processes of a deployment, found by their Dagster instance."""

    def __init__(self, deployment: Deployment, instance: dg.DagsterInstance) -> None:
        self.home, self.instance = str(deployment.home / "dagster"), instance
        self.recordings: dict[int, str] = {}

    def all(self) -> list[psutil.Process]:
        """Return every process that works on the instance, including orphans."""
        found: list[psutil.Process] = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied):
                if process.pid != os.getpid() and process.environ().get("DAGSTER_HOME") == self.home:
                    found.append(process)
        return found

    def runs(self) -> dict[psutil.Process, str | None]:
        """Return the processes that execute runs, with their recording if known yet."""
        self._learn()
        return {process: self.recordings.get(process.pid) for process in self._named("reflector-run")}

    def steps(self) -> dict[psutil.Process, str]:
        """Return the worker processes that have executed a step, with their recording."""
        self._learn()
        found = {process: self.recordings.get(process.pid) for process in self._named("reflector-step")}
        return {process: recording for process, recording in found.items() if recording}

    def warm(self) -> list[psutil.Process]:
        """Return the processes from which runs and workers are forked."""
        return self._named("reflector-warm")

    def starters(self) -> list[psutil.Process]:
        """Return the processes that stand for runs among the code server's children."""
        return [process for process in self.all() if _says(process, "--multiprocessing-fork")]

    def _named(self, name: str) -> list[psutil.Process]:
        return named(self.all(), name)

    def _learn(self) -> None:
        kinds = {dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.STEP_WORKER_STARTED}
        for run in self.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS)):
            for entry in self.instance.all_logs(run.run_id, of_type=kinds):
                event = entry.dagster_event
                if event and (pid := event.engine_event_data.metadata.get("pid")):
                    self.recordings[int(str(pid.value))] = run.tags[tags.PARTITION]


def named(processes: Iterable[psutil.Process], name: str) -> list[psutil.Process]:
    """Return those that live and have a name."""
    found: list[psutil.Process] = []
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            if process.name() == name and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def _says(process: psutil.Process, word: str) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() != psutil.STATUS_ZOMBIE and word in " ".join(process.cmdline())
    return False
