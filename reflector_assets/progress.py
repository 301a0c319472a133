"""A run's progress, read from Dagster's event log: which step is where, in which attempt, for how long."""

import re
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple

import dagster as dg

TRACK_STEP = re.compile(r"(?P<asset>[^.]+)\.(?P<op>\w+)(?:\[(?P<track>\d+)\])?$")
# Begins the line in a step's log that tells, as JSON, what an attempt used that failed, and the kind of its error.
USED = "the attempt failed and used "
STATUS: dict[dg.DagsterEventType, Literal["started", "retrying", "done", "failed", "skipped"]] = {
    dg.DagsterEventType.STEP_START: "started",
    dg.DagsterEventType.STEP_RESTARTED: "started",
    dg.DagsterEventType.STEP_UP_FOR_RETRY: "retrying",
    dg.DagsterEventType.STEP_SUCCESS: "done",
    dg.DagsterEventType.STEP_FAILURE: "failed",
    dg.DagsterEventType.STEP_SKIPPED: "skipped",
}


class StepEvent(NamedTuple):
    """A change of one step; `track` is set for the steps of a fan-out, `seconds` once it ended, `reason` on failure."""

    asset: str
    step_key: str
    status: Literal["started", "retrying", "done", "failed", "skipped"]
    timestamp: float
    track: int | None = None
    op: str | None = None
    seconds: float | None = None
    reason: str | None = None


def step_events(records: Sequence[dg.EventLogRecord]) -> Iterator[StepEvent]:
    """Read the step changes off a run's event records, in their order."""
    for record in records:
        event = record.event_log_entry.dagster_event
        if event is None or event.step_key is None or (status := STATUS.get(event.event_type)) is None:
            continue
        match = TRACK_STEP.fullmatch(event.step_key)
        data = event.event_specific_data
        error = getattr(data, "error", None)
        yield StepEvent(
            asset=match["asset"] if match else event.step_key,
            step_key=event.step_key,
            status=status,
            timestamp=record.event_log_entry.timestamp,
            track=int(match["track"]) if match and match["track"] else None,
            op=match["op"] if match else None,
            seconds=getattr(data, "duration_ms", 0.0) / 1000 if status == "done" else None,
            reason=_reason(data, error) if status in {"failed", "retrying"} else None,
        )


def _reason(data: object, error: object) -> str | None:
    """The plain reason of a failure: what our Failure says, else the innermost error's own message."""
    failure = getattr(data, "user_failure_data", None)
    if failure is not None and failure.description:
        return str(failure.description)
    while (cause := getattr(error, "cause", None)) is not None:
        error = cause
    message = getattr(error, "message", None)
    if message is None:
        return None
    # Dagster puts the class and its module in front of a message.
    return re.sub(r"^[\w.]+: ", "", str(message).strip())


class Follower:
    """Calls back with each step change of a run, from a thread of its own, until it is closed."""

    def __init__(
        self, instance: dg.DagsterInstance, run_id: str, tell: Callable[[StepEvent], None], every: float = 0.3
    ) -> None:
        self._instance, self._run_id, self._tell, self._every = instance, run_id, tell, every
        self._cursor: str | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="progress", daemon=True)

    def __enter__(self) -> "Follower":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self._read()

    def _follow(self) -> None:
        while not self._stop.wait(self._every):
            self._read()

    def _read(self) -> None:
        page = self._instance.get_records_for_run(self._run_id, cursor=self._cursor)
        self._cursor = page.cursor
        for event in step_events(page.records):
            self._tell(event)
