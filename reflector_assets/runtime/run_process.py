"""The process that executes a run: it reports who it is and that it is alive, and it ends with the run.

A run can end without its process: it is canceled, or taken for dead and resumed by another run. Dagster doesn't look:
a process that was slow to start goes on with a run that was marked as failed, while the retry works on the recording.
"""

import logging
import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any

import dagster as dg

from reflector_assets import log_entries, tags
from reflector_assets.records import ATTEMPT_ENDS, ENDINGS
from reflector_assets.runtime.dagster_internals import event_rows
from reflector_assets.runtime.pools import set_missing_limits
from reflector_assets.runtime.process_identity import ProcessIdentity
from reflector_assets.settings.main import get_settings

# Seconds between looks whether the run has ended, and between reports that its process is alive.
LOOK_S, ALIVE_S = 2.0, 60.0
log = logging.getLogger(__name__)


def supervised(context: Any, events: Any) -> Iterator[dg.DagsterEvent]:
    """Yield an executor's events, a generator; interrupt this process before the next step if the run has ended."""
    instance, run_id = context.instance, context.run_id
    # Runs of Dagster's pages, backfills and `dg launch` have Dagster's implicit job, which can't have tags.
    instance.add_run_tags(run_id, {tags.PROCESS: process_tag(run_id), tags.RETRY_STRATEGY: tags.BY_ASSET})
    set_missing_limits(instance, get_settings().pools())
    failures: list[dg.DagsterEvent] = []
    with alive(instance, run_id, ends=True), closing(events):
        for event in events:
            yield event
            if event.event_type == dg.DagsterEventType.STEP_FAILURE:
                failures.append(event)
            # Before the next step.
            if event.event_type in ATTEMPT_ENDS and ended_elsewhere(instance, run_id):
                os.kill(os.getpid(), signal.SIGINT)
    # Just before the run's end, so that they are the first errors that a reader of the log's end sees.
    for event in failures:
        _log_reason(context.log, event)


def _log_reason(run_log: Any, event: dg.DagsterEvent) -> None:
    """Log the plain reason of a step's failure: Dagster's event has it between class names and tracebacks."""
    reason = log_entries.attempt_reason(event.event_specific_data) or "no reason given"
    step = log_entries.place(event.step_key or "")
    run_log.error(f"{step.asset} failed: {log_entries.crash_reason(reason) or reason}")


@contextmanager
def alive(instance: dg.DagsterInstance, run_id: str, *, ends: bool = False) -> Iterator[None]:
    """Report once a minute of the block that the run's process is alive.

    If `ends`, interrupt this process, as a termination does, when the run has ended elsewhere.
    """
    done = threading.Event()

    def watch() -> None:
        report_at = time.monotonic() + ALIVE_S
        while not done.wait(LOOK_S):
            try:
                if ends and ended_elsewhere(instance, run_id):
                    os.kill(os.getpid(), signal.SIGINT)
                    return
                if time.monotonic() > report_at and (run := instance.get_run_by_id(run_id)):
                    report_at = time.monotonic() + ALIVE_S
                    instance.report_engine_event("The run's process is alive.", run)
            except Exception as error:  # the database may be away for a while
                log.warning("can't report that a run is alive: %s", type(error).__name__)

    thread = threading.Thread(target=watch, daemon=True, name="run-is-alive")
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()


def process_tag(run_id: str) -> str:
    """Return the value of the tag PROCESS for a run that this process executes; Dagster copies tags to retries."""
    return f"{run_id} {ProcessIdentity.own()}"


def process_of(run: dg.DagsterRun) -> ProcessIdentity | None:
    """Return the process that executes a run; None if it has none yet."""
    run_id, _, process = tags.value(run.tags, tags.PROCESS).partition(" ")
    return ProcessIdentity.parse(process) if run_id == run.run_id else None


def ended_elsewhere(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return True if a run's log has its end, which a run's own process writes last.

    The start of a process that was slow makes an ended run a started one again: its status is restored.
    """
    if not event_rows.has_any(instance, run_id, [ending.value for ending in ENDINGS]):
        return False
    run = instance.get_run_by_id(run_id)
    if run is not None and not run.is_finished:
        message = "The run had ended when its process started; the process has ended now."
        ends = instance.get_records_for_run(run_id, of_type=set(ENDINGS), limit=1).records
        event = ends[0].event_log_entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.RUN_CANCELED:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)
    return True
