"""Ends a recording's runs, whoever started them."""

import logging
import time

import dagster as dg

from domain.errors import TransientError
from reflector_assets import tags
from reflector_assets.operations.orphaned_runs import why_gone
from reflector_assets.operations.runs import prevent_resumption
from reflector_assets.records import IN_PROGRESS
from reflector_assets.runtime.run_process import process_of

# Seconds between two looks, in which the process of a run ends after the run, and after which it no longer matters: a
# command goes on with other recordings.
LOOK_S, PROCESS_ENDS_S, FORGOTTEN_S = 0.2, 10.0, 60.0
log = logging.getLogger(__name__)


def end_runs(instance: dg.DagsterInstance, recording_id: str, seconds: float) -> None:
    """Cancel a recording's runs and wait for the last one's process; raise TransientError if one goes on for longer."""
    own = dg.RunsFilter(tags={tags.PARTITION: recording_id}, statuses=IN_PROGRESS)
    end, asked = time.monotonic() + seconds, set[str]()
    while runs := instance.get_runs(own):
        for run in runs:
            _cancel(instance, run, again=run.run_id in asked)
            asked.add(run.run_id)
        if time.monotonic() > end:
            raise TransientError(f"its run {runs[0].run_id} hasn't ended yet", recording=recording_id)
        time.sleep(LOOK_S)
    prevent_resumption(instance, recording_id)
    for last in instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1):
        _wait_for_process(last)


def _cancel(instance: dg.DagsterInstance, run: dg.DagsterRun, *, again: bool) -> None:
    """Cancel a run. One that its process can't be asked to end is marked: the process sees that, and ends."""
    if (run.status == dg.DagsterRunStatus.CANCELING or again) and why_gone(instance, run):
        instance.report_run_canceled(run)
    if again or run.status == dg.DagsterRunStatus.CANCELING:
        return
    try:
        canceled = instance.run_coordinator.cancel_run(run.run_id)
    except Exception as error:  # a launcher raises what its service does
        log.warning("run %s can't be asked to end: %s", run.run_id, type(error).__name__)
        canceled = False
    fresh = None if canceled else instance.get_run_by_id(run.run_id)
    if fresh is not None and not fresh.is_finished:
        instance.report_run_canceled(fresh)


def _wait_for_process(last: dg.RunRecord) -> None:
    """Wait until the process of a run that ended lately has ended, too, if it can be seen; raise TransientError."""
    process, end = process_of(last.dagster_run), time.monotonic() + PROCESS_ENDS_S
    ended = last.end_time or last.update_timestamp.timestamp()
    while process is not None and process.is_visible() and not process.is_gone():
        if time.time() - ended > FORGOTTEN_S:
            return
        if time.monotonic() > end:
            raise TransientError(
                f"process {process.pid}, which executed its run {last.dagster_run.run_id}, hasn't ended yet",
                recording=last.dagster_run.tags.get(tags.PARTITION),
                hint="If it is a command, such as `reflector run`, end it.",
            )
        time.sleep(LOOK_S)
