"""Reads the states of steps, and the reasons of failures, from Dagster's event log."""

import re
from collections.abc import Iterator, Sequence
from typing import Literal

import dagster as dg

from domain.run_progress import StepEvent
from reflector_assets.records import crash_reason, innermost, place

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
FAILURES = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ENGINE_EVENT, dg.DagsterEventType.RUN_FAILURE}


def step_events(records: Sequence[dg.EventLogRecord]) -> Iterator[StepEvent]:
    """Yield the changes of steps among a run's event records, in order."""
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is None or (status := STATUS.get(event.event_type)) is None:
            continue
        at, data = place(event.step_key), event.event_specific_data
        yield StepEvent(
            asset=at.asset,
            step_key=event.step_key,
            status=status,
            timestamp=record.event_log_entry.timestamp,
            track=at.track,
            op=at.op,
            seconds=getattr(data, "duration_ms", 0.0) / 1000 if status == "done" else None,
            reason=_reason(data) if status in {"failed", "retrying"} else None,
        )


def failure_reason(instance: dg.DagsterInstance, run_id: str) -> tuple[str | None, str]:
    """Return the first failed step of a run and its plain reason; without a failed step, None and Dagster's message."""
    records = instance.get_records_for_run(run_id, of_type=FAILURES).records
    crash = next((reason for record in records if (reason := crash_reason(_message(record)))), None)
    for event in step_events(records):
        if event.status == "failed":
            return event.asset, crash_reason(event.reason or "") or event.reason or crash or "no reason given"
    last = next((_message(record) for record in reversed(records) if _is_end(record)), "")
    return None, crash or last or "no reason given"


def _message(record: dg.EventLogRecord) -> str:
    event = record.event_log_entry.dagster_event
    return (event.message if event else None) or record.event_log_entry.user_message or ""


def _is_end(record: dg.EventLogRecord) -> bool:
    event = record.event_log_entry.dagster_event
    return event is not None and event.event_type == dg.DagsterEventType.RUN_FAILURE


def _reason(data: object) -> str | None:
    """Return the plain reason of a failure: the description of our Failure, or the innermost error's message."""
    failure = getattr(data, "user_failure_data", None)
    if failure is not None and failure.description:
        return str(failure.description)
    message = getattr(innermost(getattr(data, "error", None)), "message", None)
    if message is None:
        return None
    # Dagster prefixes messages with the class and its module.
    return re.sub(r"^[\w.]+: ", "", str(message).strip())
