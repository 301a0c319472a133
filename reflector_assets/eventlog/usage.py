"""The usage of a run's steps, read from its event log; includes failed attempts."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

import dagster as dg

from reflector_assets import tags
from reflector_assets.eventlog.steps import USED
from reflector_assets.log_entries import MADE, PLANNED, place
from reflector_assets.records import ATTEMPT_BEGINS, ATTEMPT_ENDS
from reflector_assets.runtime.dagster_internals import event_rows
from reflector_assets.runtime.dagster_internals.event_rows import EventRow
from resources.database.ledger import EndedRun, Entry

DONE = dg.DagsterEventType.STEP_SUCCESS.value
BEGINS = {kind.value for kind in ATTEMPT_BEGINS}
FAILS = {kind.value for kind in ATTEMPT_ENDS} - {DONE}
OUTPUTS = ("STEP_OUTPUT", "HANDLED_OUTPUT")
# Amounts in metadata, in the ledger's units.
SECONDS = {"cpu_seconds": "cpu_ms", "gpu_seconds": "gpu_ms"}
COUNTS = ("llm_calls", "prompt_tokens", "completion_tokens", "bytes_read", "bytes_written")
# Larger amounts are invalid, and databases reject them.
MOST = 2**53


@dataclass
class Step:
    """One step, updated by its events: `used` sums up its attempts, `reported` is the current attempt's metadata."""

    key: str
    began: float | None = None
    ended: float = 0.0
    since: float | None = None
    outcome: Literal["done", "failed"] = "failed"
    attempts: int = 0
    kind: str | None = None
    used: dict[str, int] = field(default_factory=dict[str, int])
    reported: dict[str, Any] = field(default_factory=dict[str, Any])

    def begin(self, at: float) -> None:
        self.began = at if self.began is None else self.began
        self.since, self.reported = at, {}
        self.attempts += 1

    def end(self, at: float, error: str | None) -> None:
        """End an attempt, at a time in epoch seconds; `error` is the class of its error, None if it succeeded."""
        since = at if self.since is None else self.since
        # A killed process has reported nothing: then the timestamps have to do.
        wall = self.reported.get("wall_seconds")
        wall_ms = _whole((at - since if wall is None else wall - _of_tracks(self.reported, "wall_seconds")) * 1000)
        self._add("wall_ms", wall_ms)
        for name, unit in SECONDS.items():
            self._add(unit, _whole((_number(self.reported.get(name)) - _of_tracks(self.reported, name)) * 1000))
        for name in COUNTS:
            self._add(name, _whole(_number(self.reported.get(name)) - _of_tracks(self.reported, name)))
        self.ended, self.since, self.reported = at, None, {}
        self.outcome, self.kind = ("done" if error is None else "failed"), error or self.kind

    def _add(self, name: str, amount: int) -> None:
        self.used[name] = min(self.used.get(name, 0) + amount, MOST)


def rows(instance: dg.DagsterInstance, run_id: str) -> Iterator[EventRow]:
    """Yield the rows of a run's event log that `account` reads, in order."""
    brief, whole = (*BEGINS, DONE, PLANNED, MADE), (*FAILS, *OUTPUTS)
    return event_rows.of_run(instance, run_id, brief=brief, whole=whole, line=USED)


def rows_of(records: Iterable[dg.EventLogRecord]) -> Iterator[EventRow]:
    """Yield archived events as such rows."""
    for record in records:
        entry, event = record.event_log_entry, record.event_log_entry.dagster_event
        asset = event.asset_key.to_string() if event and event.asset_key else None
        kind, step_key = (event.event_type_value, event.step_key) if event else (None, entry.step_key)
        # The table has the time in microseconds.
        at = datetime.fromtimestamp(entry.timestamp, UTC).timestamp()
        yield EventRow(kind, at, step_key, asset, json.loads(entry.to_json()))


def account(run: dg.DagsterRun, events: Iterable[EventRow], ended_at: float) -> tuple[EndedRun, list[Entry]] | None:
    """Return a run that ended at a time (epoch seconds), with its ledger entries; None if it has no recording."""
    recording_id = run.tags.get(tags.PARTITION)
    if recording_id is None:
        return None
    steps: dict[str, Step] = {}
    planned: set[str | None] = set()
    made: set[str | None] = set()
    for event in events:
        if event.kind == PLANNED:
            planned.add(event.asset_key)
        elif event.kind == MADE:
            made.add(event.asset_key)
        elif event.step_key is not None:
            _read(steps.setdefault(event.step_key, Step(event.step_key)), event)
    started = [step for step in steps.values() if step.began is not None]
    for step in started:
        if step.since is not None:
            step.end(max(ended_at, step.since), "RunEnded")
    complete = run.status == dg.DagsterRunStatus.SUCCESS or (bool(planned) and planned <= made)
    ended = EndedRun(run.run_id, recording_id, ended_at, "done" if complete else "failed")
    return ended, [_entry(run.run_id, recording_id, step) for step in started]


def _read(step: Step, event: EventRow) -> None:
    if event.kind is None:
        if event.message.startswith(USED):
            step.reported |= json.loads(event.message.removeprefix(USED))
    elif event.kind in BEGINS:
        step.begin(event.at)
    elif event.kind in OUTPUTS:
        step.reported |= event.metadata
    elif event.kind in FAILS and step.since is not None:
        kind = step.reported.get("kind") or event.failure.get("kind") or event.error_class or "Unknown"
        step.end(event.at, str(kind)[:100])
    elif event.kind == DONE:
        step.end(event.at, None)


def _entry(run_id: str, recording_id: str, step: Step) -> Entry:
    at = place(step.key)
    return Entry(
        run_id=run_id,
        step=step.key,
        recording_id=recording_id,
        asset=at.asset,
        track=at.track,
        began_at=step.began or step.ended,
        ended_at=step.ended,
        month=datetime.fromtimestamp(step.ended, UTC).strftime("%Y-%m"),
        outcome=step.outcome,
        attempts=step.attempts,
        kind=step.kind,
        **step.used,
    )


def _of_tracks(reported: Mapping[str, Any], name: str) -> float:
    """Return the part of a fan-in's amount that is its tracks', whose steps have ledger entries themselves."""
    return _number(reported.get(f"tracks_{name}"))


def _number(value: object) -> float:
    return value if isinstance(value, int | float) else 0.0


def _whole(amount: float) -> int:
    return max(0, min(round(amount), MOST))
