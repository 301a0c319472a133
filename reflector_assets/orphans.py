"""Runs whose process is gone: a kill, a crash or a reboot must not leave a recording in progress for ever.

Dagster's own run monitoring asks the run launcher, and the one for local processes can't tell.
"""

import dagster as dg
import psutil

# A process that began this much later (seconds) than its run's event has only inherited the process id.
TOLERANCE = 5.0
# A run that is starting has a worker, too, once its process has said so.
WITH_WORKER = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_if_orphaned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Mark a run as failed when the local process that executed it is gone; says whether it did.

    Dagster's run retries then take it up again from where it was, as often as dagster.yaml allows. Runs that
    another launcher started, on other machines, are left to that launcher's own health checks.
    """
    if run.status not in WITH_WORKER:
        return False
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return False
    worker = _worker(instance, run.run_id)
    if worker is None or _lives(*worker):
        return False
    fresh = instance.get_run_by_id(run.run_id)
    if fresh is None or fresh.is_finished:
        return False
    instance.report_run_failed(fresh, f"The process {worker[0]} that executed this run is gone.")
    return True


def _worker(instance: dg.DagsterInstance, run_id: str) -> tuple[int, float] | None:
    """Process id of a run's last worker, and the time of the event that names it."""
    records = instance.get_records_for_run(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
    for record in reversed(records):
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is not None:
            continue
        pid = event.engine_event_data.metadata.get("pid")
        if pid is not None and str(pid.value).isdigit():
            return int(str(pid.value)), record.event_log_entry.timestamp
    return None


def _lives(pid: int, since: float) -> bool:
    try:
        process = psutil.Process(pid)
        return process.create_time() <= since + TOLERANCE and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
