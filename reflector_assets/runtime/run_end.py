"""Ends a run's process whose run has ended without it: it was canceled, or taken for dead and resumed by another run.

Dagster doesn't look: a process that was slow to start goes on with a run that was marked as failed, while its retry
works on the same recording.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import dagster as dg

from reflector_assets.records import ATTEMPT_ENDS, ENDINGS


def ended_elsewhere(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Return True if a run's log has its end, which a run's own process writes last.

    The start of a process that was slow makes an ended run a started one again: its status is restored.
    """
    ends = instance.get_records_for_run(run_id, of_type=set(ENDINGS), limit=1).records
    run = instance.get_run_by_id(run_id)
    if not ends or run is None:
        return bool(ends)
    if not run.is_finished:
        message = "The run had ended when its process started; the process has ended now."
        event = ends[0].event_log_entry.dagster_event
        if event is not None and event.event_type == dg.DagsterEventType.RUN_CANCELED:
            instance.report_run_canceled(run, message)
        else:
            instance.report_run_failed(run, message)
    return True


def interrupting(context: Any, events: Iterator[dg.DagsterEvent]) -> Iterator[dg.DagsterEvent]:
    """Yield an executor's events; if the run has ended elsewhere, interrupt this process before the next step."""
    with closing(events):  # pyright: ignore[reportArgumentType] - executors are generators
        for event in events:
            yield event
            if event.event_type in ATTEMPT_ENDS and ended_elsewhere(context.instance, context.run_id):
                os.kill(os.getpid(), signal.SIGINT)
