"""Reads the states of steps, and the reasons of failures, from Dagster's event log."""

from collections.abc import Iterator, Sequence
from typing import Literal

import dagster as dg

from domain.run_progress import StepEvent
from reflector_assets import log_entries

# The prefix of the log line with the usage of a failed attempt and the class of its error, as JSON.
USED = "the attempt failed and used "
STATUS: dict[dg.DagsterEventType, Literal["started", "retrying", "done", "failed", "skipped"]] = {
    dg.DagsterEventType.STEP_START: "started",
    dg.DagsterEventType.STEP_RESTARTED: "started",
    dg.DagsterEventType.STEP_UP_FOR_RETRY: "retrying",
    dg.DagsterEventType.STEP_SUCCESS: "done",
    dg.DagsterEventType.STEP_FAILURE: "failed",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}
FAILURES = {dg.DagsterEventType[name] for name in log_entries.FAILURES}


def step_events(records: Sequence[dg.EventLogRecord]) -> Iterator[StepEvent]:
    """Yield the changes of steps among a run's event records, in order."""
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is None or (status := STATUS.get(event.event_type)) is None:
            continue
        at, data = log_entries.place(event.step_key), event.event_specific_data
        yield StepEvent(
            asset=at.asset,
            step_key=event.step_key,
            status=status,
            timestamp=record.event_log_entry.timestamp,
            track=at.track,
            op=at.op,
            seconds=getattr(data, "duration_ms", 0.0) / 1000 if status == "done" else None,
            reason=log_entries.attempt_reason(data) if status in {"failed", "retrying"} else None,
        )


def failure_reason(instance: dg.DagsterInstance, run_id: str) -> tuple[str | None, str]:
    """Return the first failed step of a run and its plain reason; without a failed step, None and Dagster's message."""
    return failure_of(instance.get_records_for_run(run_id, of_type=FAILURES).records)


def failure_of(records: Sequence[dg.EventLogRecord]) -> tuple[str | None, str]:
    """Return the first failed step among a run's records and its plain reason, as `failure_reason` does."""
    entries = [record.event_log_entry for record in records]
    return log_entries.failure_reason([one for one in entries if one.dagster_event_type in FAILURES])
