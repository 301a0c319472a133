"""Runs whose process is gone: after a kill, a crash or a reboot a recording must not stay in progress forever.

Dagster's run monitoring queries the run launcher, and the one for local processes has no health check.
"""

import time
from collections.abc import Iterable

import dagster as dg
import psutil

# A process that started more than this later (seconds) than its run's event only has a reused process id.
TOLERANCE = 5.0
# Seconds within which a running code server reports the end of a process that it started.
REPORTED = 2.0
# A starting run has a process once its event is logged; before that, Dagster's monitoring fails it after a timeout.
WITH_WORKER = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_if_orphaned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Mark a run as failed if the local process that executed it is gone; return True if so."""
    return bool(end_orphaned(instance, [run]))


def end_orphaned(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[str]:
    """Mark the runs whose local process is gone as failed, and return their ids.

    Dagster's run retries then resume them, as often as dagster.yaml allows. Runs of other launchers, on other machines,
    are left to those launchers' health checks. If there are any, waits a few seconds first: usually the code server
    reports the failure, and it should be reported only once.
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
    """Return the process id of a run's last process if that process has ended, else None."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is not None:
            continue
        pid = event.engine_event_data.metadata.get("pid")
        if pid is not None and str(pid.value).isdigit():
            process = int(str(pid.value))
            return None if _is_running(process, record.event_log_entry.timestamp) else process
    return None


def _is_running(pid: int, since: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= since + TOLERANCE and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
