"""Runs whose process is gone: after a kill, a crash or a reboot a recording must not stay in progress forever.

Dagster's run monitoring queries the run launcher, and the one for local processes has no health check. A process is
judged only by one that would see it; of a process on another host, or in another container, only its silence counts.
"""

import json
import sys
import time
from collections.abc import Iterable

import dagster as dg
import psutil

from reflector_assets import tags
from reflector_assets.runtime.run_process import process_of

# A process that started more than this later (seconds) than its run's event only has a reused process id.
TOLERANCE = 5.0
# Seconds within which a running code server reports the end of a process that it started.
REPORTED = 2.0
# Seconds without an event after which a process elsewhere is taken for dead; it reports once a minute (run_process.py).
SILENT_S = 600.0
# A starting run has a process once its event is logged; before that, Dagster's monitoring fails it after a timeout.
WITH_WORKER = (dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING)


def end_if_orphaned(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Mark a run as failed if the local process that executed it is gone; return True if so."""
    return bool(end_orphaned(instance, [run]))


def end_orphaned(instance: dg.DagsterInstance, runs: Iterable[dg.DagsterRun]) -> list[str]:
    """Mark the runs whose process is gone as failed, and return their ids.

    Dagster's run retries then resume them, as often as dagster.yaml allows. Runs of other launchers are left to those
    launchers' health checks. If there are any, waits a few seconds first: usually the code server reports the failure,
    and it should be reported only once.
    """
    if not isinstance(instance.run_launcher, dg.DefaultRunLauncher):
        return []
    gone = {run.run_id: reason for run in runs if run.status in WITH_WORKER and (reason := why_gone(instance, run))}
    if gone:
        time.sleep(REPORTED)
    ended: list[str] = []
    for run_id, reason in gone.items():
        fresh = instance.get_run_by_id(run_id)
        if fresh is not None and fresh.status in WITH_WORKER:
            instance.report_run_failed(fresh, reason)
            ended.append(run_id)
    return ended


def why_gone(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str | None:
    """Return why a run's process is taken for gone; None if it may be alive."""
    process = process_of(run)
    if process is None:
        pid = _gone_before_its_tag(instance, run)
        return None if pid is None else f"The process {pid} that was to execute this run is gone."
    if process.is_visible():
        return f"The process {process.pid} that executed this run is gone." if process.is_gone() else None
    if process.is_of_earlier_boot():
        return f"The process {process.pid} that executed this run ended with its host, which was started again."
    last = instance.get_records_for_run(run.run_id, limit=1, ascending=False).records
    if last and time.time() - last[0].timestamp > SILENT_S:
        return f"The process on {process.host} that executed this run was silent for {SILENT_S / 60:.0f} minutes."
    return None


def _gone_before_its_tag(instance: dg.DagsterInstance, run: dg.DagsterRun) -> int | None:
    """Return the process id of a run that was killed while it started, if this code server started it.

    Elsewhere, nothing is known of a process without a tag: Dagster's monitoring fails a run that doesn't start.
    """
    server = json.loads(run.tags.get(tags.GRPC_INFO, "{}"))
    if sys.argv[1:3] != ["api", "grpc"] or str(server.get("socket") or server.get("port")) not in sys.argv:
        return None
    records = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT).records
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
