"""Helpers to read Dagster's records: runs in progress and their endings, attempts, step keys, errors, metadata."""

import re
import signal
from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any, NamedTuple

import dagster as dg

# On PostgreSQL a record can become visible up to this much later than one with a higher number: younger records are
# read again.
COMMIT_LAG_S = 2.0
# Dagster decides within this time after a run's failure whether it resumes the run.
RETRY_DECISION_S = 5.0
ENDINGS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED)
# Statuses of runs that are queued, starting, executing or being canceled.
IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
]
ATTEMPT_BEGINS = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}
ATTEMPT_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
}
_STEP = re.compile(r"(?P<asset>[^.]+)\.(?P<op>\w+)(?:\[(?P<track>\d+)\])?$")


class Place(NamedTuple):
    """A step's asset; within a fan-out also its op and the track's number."""

    asset: str
    op: str | None = None
    track: int | None = None


def place(step_key: str) -> Place:
    """Parse a step's key, such as `title` or `track_transcripts.transcribe_track[2]`."""
    match = _STEP.fullmatch(step_key)
    if match is None:
        return Place(step_key)
    return Place(match["asset"], match["op"], int(match["track"]) if match["track"] else None)


def settled(records: Iterable[dg.EventLogRecord], until: float) -> list[dg.EventLogRecord]:
    """Return the records before the first one later than `until` (epoch seconds): no more will appear among them."""
    return list(takewhile(lambda record: record.timestamp <= until, records))


def innermost(error: object) -> object:
    """Return the first error of a chain of causes; Dagster wraps what a step raises."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return error


def plain(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as plain values."""
    return {name: getattr(value, "value", value) for name, value in (metadata or {}).items()}


def crash_reason(message: str) -> str | None:
    """Return a plain reason for the end of a step's process from an engine's message; None if it reports none."""
    if not re.search("terminated by signal|exited prematurely", message):
        return None
    if f"({signal.SIGALRM.name})" in message:
        return "timeout: the step could not be interrupted, so its process was ended"
    if f"({signal.SIGKILL.name})" in message:
        return "the step's process was killed, most likely because memory ran out"
    return "the step's process was ended by a signal"
