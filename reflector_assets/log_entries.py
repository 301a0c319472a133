"""What Dagster's database says about runs, steps and failures; needs no Dagster.

Entries and errors are Dagster's objects, or objects with the same fields that were read from its database.
"""

import json
import re
import signal
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# The name of the set of partitions.
RECORDINGS = "recordings"
# The sensor that examines all recordings (sensors/keep_up_to_date.py).
KEEP_UP_TO_DATE = "keep_up_to_date"
# Statuses of runs that are queued, starting, executing or being canceled, and of those that didn't succeed.
IN_PROGRESS = ("QUEUED", "NOT_STARTED", "STARTING", "STARTED", "CANCELING")
FAILED, CANCELED = "FAILURE", "CANCELED"
# The types of the entries that `failure_reason` reads.
FAILURES = ("STEP_FAILURE", "ENGINE_EVENT", "RUN_FAILURE")
PLANNED, MADE = "ASSET_MATERIALIZATION_PLANNED", "ASSET_MATERIALIZATION"
PARTITION_DELETED = "the recording's partition was deleted while this run was in progress: nothing more is made of it"
_STEP = re.compile(r"(?P<asset>[^.]+)\.(?P<op>\w+)(?:\[(?P<track>\d+)\])?$")


class Run(NamedTuple):
    """A run, with Dagster's name of its status."""

    run_id: str
    status: str


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


def problems(cursors: Iterable[str | None]) -> dict[str, str]:
    """Return by recording why the sensor KEEP_UP_TO_DATE can't examine it, from its cursor or cursors."""
    found = (json.loads(cursor).get("problems", {}) for cursor in cursors if cursor)
    return {recording_id: problem["reason"] for one in found for recording_id, problem in one.items()}


def innermost(error: object) -> object:
    """Return the first error of a chain of causes; Dagster wraps what a step raises."""
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    return error


def crash_reason(message: str) -> str | None:
    """Return a plain reason for the end of a step's process from an engine's message; None if it reports none."""
    if not re.search("terminated by signal|exited prematurely", message):
        return None
    if f"({signal.SIGALRM.name})" in message:
        return "timeout: the step could not be interrupted, so its process was ended"
    if f"({signal.SIGKILL.name})" in message:
        return "the step's process was killed, most likely because memory ran out"
    return "the step's process was ended by a signal"


def attempt_reason(data: object) -> str | None:
    """Return the plain reason of a failed attempt: the description of our Failure, or the innermost error's message."""
    failure = getattr(data, "user_failure_data", None)
    if failure is not None and failure.description:
        return str(failure.description)
    message = getattr(innermost(getattr(data, "error", None)), "message", None)
    if message is None:
        return None
    if "Nonexistent partition keys" in message:
        return PARTITION_DELETED
    # Dagster prefixes messages with the class and its module.
    return re.sub(r"^[\w.]+: ", "", str(message).strip())


def failure_reason(entries: Sequence[Any]) -> tuple[str | None, str]:
    """Return the first failed step and its plain reason, from a run's entries of the types FAILURES.

    Without a failed step, return None and Dagster's message.
    """
    crash = next((reason for entry in entries if (reason := crash_reason(_message(entry)))), None)
    for entry in entries:
        event = entry.dagster_event
        if _type(entry) == "STEP_FAILURE" and event.step_key is not None:
            reason = attempt_reason(event.event_specific_data)
            return place(event.step_key).asset, crash_reason(reason or "") or reason or crash or "no reason given"
    last = next((_message(entry) for entry in reversed(entries) if _type(entry) == "RUN_FAILURE"), "")
    return None, crash or last or "no reason given"


def _type(entry: Any) -> str | None:
    return entry.dagster_event.event_type_value if entry.dagster_event else None


def _message(entry: Any) -> str:
    event = entry.dagster_event
    return (event.message if event else None) or entry.user_message or ""
