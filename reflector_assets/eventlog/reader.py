"""A recording's events, derived from Dagster's event log, the store and the history of corrections.

An event's id encodes the reader's position in each run that was open when the event was emitted: `run.record.part`, by
Dagster's numbers, joined by `~` for overlapping runs. Edits that no run has taken count as run 0, and their number as
the record.
"""

import re
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from pydantic import BaseModel, ValidationError

from domain.errors import InvalidInput, NotFound, PermanentError
from domain.events import CAUSES, PIPELINE_PROGRESS, STATUS, Event, Status
from domain.recording import Frozen, value_key
from domain.run_progress import RunProgress
from domain.steps import CORRECTIONS
from domain.text import words
from reflector_assets import tags
from reflector_assets.eventlog import archive
from reflector_assets.eventlog.archive import RunLog
from reflector_assets.eventlog.edit_events import EditEvent, EditEvents
from reflector_assets.eventlog.steps import STATUS as STEP_STATUS
from reflector_assets.eventlog.steps import failure_of, failure_reason, step_events
from reflector_assets.io_manager import data_version
from reflector_assets.policies import assets, policies
from reflector_assets.records import ENDINGS, RETRY_DECISION_S, plain
from reflector_assets.runtime.instance import database_errors
from reflector_assets.staleness import DATA_VERSION
from resources.database.corrections import CorrectionHistory
from resources.store.base import Store

PAGE = 1000
# Steps write from separate processes: a record can appear shortly after one with a higher number.
READ_DELAY_S = 0.3
READ = {
    *STEP_STATUS,
    *ENDINGS,
    dg.DagsterEventType.RUN_START,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_OUTPUT,
}
# The number that edits have in ids, as if they were a run.
EDITS = 0
POSITION = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
Position = tuple[int, int]
NamedPayload = tuple[str, Frozen]


@dataclass
class _Run:
    """The state of reading one run: its storage id, the cursor of the current page, and the last processed record."""

    number: int
    run_id: str
    progress: RunProgress
    cursor: str | None = None
    record: int = -1
    emitted: Position | None = None
    status: str | None = None
    ended: bool = False
    archived: RunLog | None = None

    @property
    def place(self) -> tuple[int, int, int]:
        """Its part of an event's id."""
        record, part = self.emitted or (0, 0)
        return self.number, record, part


@dataclass
class RecordingLog:
    """Reads one recording's events from the first one; not thread-safe."""

    instance: dg.DagsterInstance
    store: Store
    recording_id: str
    read_delay: float = READ_DELAY_S
    history: CorrectionHistory | None = None
    _edits: EditEvents | None = None
    _edited: Position | None = None
    _archive: list[RunLog] | None = None
    _runs: dict[str, _Run] = field(default_factory=dict[str, _Run])
    _made: set[str] = field(default_factory=set[str])
    _statuses: list[tuple[float, str]] = field(default_factory=list[tuple[float, str]])
    _ready: list[Event] = field(default_factory=list[Event])

    def read(self) -> list[Event]:
        """Return the events since the last call; raise ReflectorError, after which it can be called again."""
        try:
            with database_errors():
                self._read()
        except Exception:
            # Events read before the error are returned first; the next call reaches the same place again.
            if not self._ready:
                raise
        ready, self._ready = self._ready, []
        return ready

    def after(self, event_id: str) -> Callable[[Event], bool]:
        """Return a function that is True for events after the one with that id; raise InvalidInput."""
        seen = _positions(event_id)

        def comes_after(event: Event) -> bool:
            run, *position = _own_position(event.id)
            if run in seen or run == EDITS:
                return tuple(position) > seen.get(run, (0, 0))
            return run > min((one for one in seen if one != EDITS), default=EDITS)

        return comes_after

    def _read(self) -> None:
        settled = time.time() - self.read_delay
        own = dg.RunsFilter(tags={tags.PARTITION: self.recording_id})
        records = sorted(self.instance.get_run_records(own), key=lambda record: record.storage_id)
        # After the runs: one that is deleted meanwhile was archived before.
        if self._archive is None:
            self._archive = archive.read(self.store, self.recording_id)
        while self._archive:
            run = self._run(self._archive[0].record)
            run.archived = self._archive[0]
            self._process(run, run.archived.events, settled)
            run.ended, run.archived = True, None
            del self._archive[0]
        for record in records:
            run = self._run(record)
            if not run.ended:
                # The status was read before the run's records: if it had ended, these are all of them.
                finished = record.dagster_run.is_finished
                read_all = self._read_run(run, settled)
                run.ended = run.ended or (finished and read_all)
        if self.history is not None:
            self._edits = self._edits or EditEvents(self.recording_id, self.store, self.history)
            for edited in self._edits.read():
                self._emit_edited(edited)

    def _run(self, record: dg.RunRecord) -> _Run:
        """Return the state of reading a run."""
        run_id = record.dagster_run.run_id
        if run_id not in self._runs:
            # Corrections are no part of a recording's way to its transcript.
            steps = [name for name in assets() if name != CORRECTIONS]
            progress = RunProgress(run_id, steps, _attempts, self._made)
            self._runs[run_id] = _Run(record.storage_id, run_id, progress)
        return self._runs[run_id]

    def _read_run(self, run: _Run, settled: float) -> bool:
        """Read a run's records up to the time `settled`; return True if nothing is left to read."""
        while True:
            page = self.instance.get_records_for_run(run.run_id, cursor=run.cursor, of_type=READ, limit=PAGE)
            if not self._process(run, page.records, settled):
                return False
            run.cursor = page.cursor
            if not page.has_more:
                return True

    def _process(self, run: _Run, records: Sequence[dg.EventLogRecord], settled: float) -> bool:
        """Process those of a run's next records that are new; return False at the first that isn't settled yet."""
        for record in records:
            if record.storage_id <= run.record:
                continue
            if run.archived is None and (record.timestamp > settled or not self._settled(record)):
                return False
            for part, (name, payload) in enumerate(list(self._payloads(run, record))):
                self._emit(run, (record.storage_id, part), record.timestamp, name, payload)
            run.record = record.storage_id
        return True

    def _settled(self, record: dg.EventLogRecord) -> bool:
        """Return False if the record is a failure that Dagster may still decide to resume."""
        event = record.event_log_entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.RUN_FAILURE:
            return True
        run = self.instance.get_run_by_id(record.run_id)
        return run is None or tags.WILL_RETRY in run.tags or record.timestamp < time.time() - RETRY_DECISION_S

    def _payloads(self, run: _Run, record: dg.EventLogRecord) -> Iterator[NamedPayload]:
        """Process a record and yield its payloads; anything that can fail comes first, so that a retry is safe."""
        event = record.event_log_entry.dagster_event
        if event is None:
            return
        kind = event.event_type
        if kind == dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED and record.asset_key is not None:
            yield from _progress(run.progress.plan(record.asset_key.to_user_string()))
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION and record.asset_materialization is not None:
            yield from self._materialized(run, record.asset_materialization)
        elif kind == dg.DagsterEventType.STEP_OUTPUT:
            if getattr(event.event_specific_data, "mapping_key", None) is not None:
                run.progress.found_track()
        elif kind == dg.DagsterEventType.RUN_START:
            before = self._status_before(record.timestamp)
            if before == "error" or (before == "ended" and "transcript" in run.progress.planned):
                yield STATUS, Status(value="processing")
        elif kind in ENDINGS:
            yield from self._run_ended(run, kind)
            run.ended = True
        else:
            for change in step_events([record]):
                yield from _progress(run.progress.step(change))

    def _materialized(self, run: _Run, made: dg.AssetMaterialization) -> Iterator[NamedPayload]:
        asset = made.asset_key.to_user_string()
        metadata = plain(made.metadata)
        version = (made.tags or {}).get(DATA_VERSION)
        payloads = [
            (cause.event, payload)
            for cause in CAUSES.get(asset, ())
            if (value := self._value(asset, cause.reads, version)) is not None or cause.reads is None
            for payload in cause.payloads(value, metadata)
        ]
        run.progress.made(asset)
        for name, payload in payloads:
            if not isinstance(payload, Status) or payload.value != run.status:
                yield name, payload

    def _value(self, asset: str, reads: type | None, version: str | None) -> Any:
        """Return the value of a version; None if there is a newer one, which has an event of its own."""
        if reads is None:
            return None
        try:
            content = self.store.read(value_key(asset, self.recording_id))
        except NotFound:
            return None
        try:
            value = reads.model_validate_json(content) if issubclass(reads, BaseModel) else words.from_parquet(content)
        except (ValidationError, PermanentError):
            # Written by other code, and therefore stale.
            return None
        return value if version in {None, data_version(value).value} else None

    def _run_ended(self, run: _Run, kind: dg.DagsterEventType) -> Iterator[NamedPayload]:
        if kind == dg.DagsterEventType.RUN_CANCELED:
            yield STATUS, Status(value="error", reason="the run was canceled")
        elif kind == dg.DagsterEventType.RUN_FAILURE and not run.progress.complete:
            log = run.archived
            ended = log.run if log else self.instance.get_run_by_id(run.run_id)
            if ended is None or ended.tags.get(tags.WILL_RETRY) != "true":
                step, reason = failure_of(log.events) if log else failure_reason(self.instance, run.run_id)
                yield STATUS, Status(value="error", step=step, reason=reason)
        elif run.status == "processing" and "transcript" in self._made:
            yield STATUS, Status(value="ended")

    def _status_before(self, at: float) -> str | None:
        """Return the recording's status at a time, by the events' times, in whatever order the runs were read."""
        return max(((when, value) for when, value in self._statuses if when < at), default=(0.0, None))[1]

    def _emit(self, run: _Run, position: Position, at: float, name: str, payload: Frozen) -> None:
        run.emitted = position
        if isinstance(payload, Status):
            run.status = payload.value
            self._statuses.append((at, payload.value))
        # The id includes the positions in runs that are still open, so that none of their events is skipped later.
        others = [other for other in self._runs.values() if other is not run and self._may_emit(other, run)]
        runs = [run, *sorted(others, key=lambda other: other.number)]
        places = [one.place for one in runs]
        self._add([*places, *([(EDITS, *self._edited)] if self._edited else [])], at, name, payload)

    def _emit_edited(self, edited: EditEvent) -> None:
        self._edited = edited.number, edited.part
        last = max((run for run in self._runs.values() if run.emitted), key=lambda run: run.number, default=None)
        runs = [one for one in self._runs.values() if last and one.emitted and self._may_emit(one, last)]
        self._add([(EDITS, *self._edited), *(one.place for one in runs)], edited.at, edited.name, edited.payload)

    def _add(self, positions: Sequence[tuple[int, int, int]], at: float, name: str, payload: Frozen) -> None:
        event_id = "~".join(".".join(map(str, position)) for position in positions)
        data = payload.model_dump(mode="json", exclude_none=name in {PIPELINE_PROGRESS, STATUS})
        self._ready.append(Event(id=event_id, at=at, event=name, data=data))

    def _may_emit(self, one: _Run, current: _Run) -> bool:
        """Return True if a run's position belongs in the id: the run, or an older one, can still emit events."""
        first = min((run.number for run in self._runs.values() if not run.ended), default=current.number)
        return one.number >= min(first, current.number) and (one.emitted is not None or one.number < current.number)


def _progress(payloads: Iterator[Frozen]) -> Iterator[NamedPayload]:
    return ((PIPELINE_PROGRESS, payload) for payload in payloads)


def _attempts(step: str) -> int:
    """Return the number of attempts at a step within one run."""
    # Other ops of a fan-out, such as `each_track`, have the policy of the track's step.
    policy = policies().get(step) or policies()["transcribe_track"]
    return 1 if policy.delivered else policy.retries + 1


def _positions(event_id: str) -> dict[int, Position]:
    """Parse an event's id into the position in each run; raise InvalidInput."""
    matches = [POSITION.fullmatch(position) for position in event_id.split("~")]
    if not all(matches):
        raise InvalidInput(f"{event_id[:80]!r} is no event's id", hint="Give the id of the last event that was read.")
    return {int(match[1]): (int(match[2]), int(match[3])) for match in matches if match}


def _own_position(event_id: str) -> tuple[int, int, int]:
    run, record, part = event_id.split("~", maxsplit=1)[0].split(".")
    return int(run), int(record), int(part)
