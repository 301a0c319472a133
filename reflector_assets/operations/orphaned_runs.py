"""Runs whose process is gone: a kill, a crash or a reboot must not leave a recording in progress for ever.

Dagster's own run monitoring asks the run launcher, and the one for local processes can't tell.
"""

import time
from collections.abc import Iterable

import dagster as dg
import psutil

# A process that began this much later (seconds) than its run's event has only inherited the process id.
TOLERANCE = 5.0
# Seconds within which the code server that started a process reports its end, if it lives itself.
REPORTED = 2.0
# A run that is starting has a worker, too, once its process has said so; before that, Dagster's own monitoring
# gives it up after a while.
WITH_WORKER = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_if_orphaned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Mark a run as failed when the local process that executed it is gone; says whether it did."""
    return bool(end_orphaned(instance, [run]))


def end_orphaned(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[str]:
    """Mark those runs as failed whose local process is gone, and return their ids.

    Dagster's run retries then take them up again from where they were, as often as dagster.yaml allows. Runs that
    another launcher started, on other machines, are left to that launcher's own health checks. Waits for some
    seconds when there are any: usually somebody else reports them, and one report of a failure is enough.
    """
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return []
    gone = {run.run_id: pid for run in runs if run.status in WITH_WORKER and (pid := _gone(instance, run.run_id))}
    if gone:
        time.sleep(REPORTED)
    ended: list[str] = []
    for run_id, pid in gone.items():
        fresh = instance.get_run_by_id(run_id)
        if fresh is not None and fresh.status in WITH_WORKER:
            instance.report_run_failed(fresh, f"The process {pid} that executed this run is gone.")
            ended.append(run_id)
    return ended


def _gone(instance: dg.DagsterInstance, run_id: str) -> int | None:
    """Process id of a run's last worker when that process lives no more."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is not None:
            continue
        pid = event.engine_event_data.metadata.get("pid")
        if pid is not None and str(pid.value).isdigit():
            worker = int(str(pid.value))
            return None if _lives(worker, record.event_log_entry.timestamp) else worker
    return None


def _lives(pid: int, since: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= since + TOLERANCE and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
