"""A recording's events, projected from Dagster's event log and the store; nothing else is their source.

An event's id says how far its reader has come in each run that was open when it was told:
`run.record.part`, by Dagster's own numbers, joined by `~` where runs overlap.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import dagster as dg
from pydantic import BaseModel, ValidationError

from domain.errors import InvalidInput, NotFound, PermanentError
from domain.events import CAUSES, PIPELINE_PROGRESS, STATUS, Event, Status
from domain.recording import Frozen
from domain.run_progress import RunProgress
from domain.text import words
from reflector_assets import tags
from reflector_assets.eventlog.steps import STATUS as STEP_STATUS
from reflector_assets.eventlog.steps import step_events, why
from reflector_assets.io_manager import data_version, value_key
from reflector_assets.policies import assets, policies
from reflector_assets.records import ENDINGS, RETRY_DECISION_S, plain
from reflector_assets.runtime.instance import database_errors
from reflector_assets.staleness import DATA_VERSION
from resources.store.base import Store

PAGE = 1000
# Steps write from processes of their own: a record can appear a moment after one that Dagster numbers higher.
READ_DELAY_S = 0.3
READ = {
    *STEP_STATUS,
    *ENDINGS,
    dg.DagsterEventType.RUN_START,
    dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED,
    dg.DagsterEventType.ASSET_MATERIALIZATION,
    dg.DagsterEventType.STEP_OUTPUT,
}
POSITION = re.compile(r"(\d{1,18})\.(\d{1,18})\.(\d{1,18})", re.ASCII)
Position = tuple[int, int]
Told = tuple[str, Frozen]


@dataclass
class _Run:
    """One run as far as it was read: Dagster's number of it, the page that is read, and the last record taken in."""

    number: int
    run_id: str
    progress: RunProgress
    cursor: str | None = None
    record: int = -1
    told: Position | None = None
    status: str | None = None
    over: bool = False


@dataclass
class RecordingLog:
    """Reads one recording's events from its first on; not for several threads at once."""

    instance: dg.DagsterInstance
    store: Store
    recording_id: str
    read_delay: float = READ_DELAY_S
    _runs: dict[int, _Run] = field(default_factory=dict)
    _made: set[str] = field(default_factory=set)
    _statuses: list[tuple[float, str]] = field(default_factory=list)
    _ready: list[Event] = field(default_factory=list)

    def read(self) -> list[Event]:
        """Return what was added since the last call; raises ReflectorError, after which it can be called again."""
        try:
            with database_errors():
                self._read()
        except Exception:
            # What was read before it is told first; the next call comes to the same place again.
            if not self._ready:
                raise
        ready, self._ready = self._ready, []
        return ready

    def after(self, event_id: str, event: Event) -> bool:
        """Say whether an event comes after the one of that id; raises InvalidInput for what is no id."""
        seen, (run, *position) = _positions(event_id), _own(event.id)
        return tuple(position) > seen[run] if run in seen else run > min(seen)

    def _read(self) -> None:
        settled = time.time() - self.read_delay
        mine = dg.RunsFilter(tags={tags.PARTITION: self.recording_id})
        found = sorted(self.instance.get_run_records(mine), key=lambda one: one.storage_id)
        for one in found:
            run = self._runs.get(one.storage_id)
            if run is None:
                run_id = one.dagster_run.run_id
                progress = RunProgress(run_id, assets(), _attempts, self._made)
                run = self._runs[one.storage_id] = _Run(one.storage_id, run_id, progress)
            if not run.over:
                # Looked at before its records are: what is read after it ended is all there is.
                finished = one.dagster_run.is_finished
                read_all = self._read_run(run, settled)
                run.over = run.over or (finished and read_all)

    def _read_run(self, run: _Run, settled: float) -> bool:
        """Read on in a run, up to the time `settled`; says whether nothing is left to read."""
        while True:
            page = self.instance.get_records_for_run(run.run_id, cursor=run.cursor, of_type=READ, limit=PAGE)
            for record in page.records:
                if record.storage_id <= run.record:
                    continue
                if record.timestamp > settled or not self._settled(record):
                    return False
                for part, (name, payload) in enumerate(list(self._told(run, record))):
                    self._tell(run, (record.storage_id, part), record.timestamp, name, payload)
                run.record = record.storage_id
            run.cursor = page.cursor
            if not page.has_more:
                return True

    def _settled(self, record: dg.EventLogRecord) -> bool:
        """Say whether it is known what comes of a failed run: Dagster may resume it."""
        event = record.event_log_entry.dagster_event
        if event is None or event.event_type != dg.DagsterEventType.RUN_FAILURE:
            return True
        run = self.instance.get_run_by_id(record.run_id)
        return run is None or tags.WILL_RETRY in run.tags or record.timestamp < time.time() - RETRY_DECISION_S

    def _told(self, run: _Run, record: dg.EventLogRecord) -> Iterator[Told]:
        """Take a record in, and yield what it tells; what can fail comes first, so that it can be taken in again."""
        event = record.event_log_entry.dagster_event
        if event is None:
            return
        kind = event.event_type
        if kind == dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED and record.asset_key is not None:
            yield from _progress(run.progress.plan(record.asset_key.to_user_string()))
        elif kind == dg.DagsterEventType.ASSET_MATERIALIZATION and record.asset_materialization is not None:
            yield from self._caused(run, record.asset_materialization)
        elif kind == dg.DagsterEventType.STEP_OUTPUT:
            if getattr(event.event_specific_data, "mapping_key", None) is not None:
                run.progress.found_track()
        elif kind == dg.DagsterEventType.RUN_START:
            before = self._status_before(record.timestamp)
            if before == "error" or (before == "ended" and "transcript" in run.progress.planned):
                yield STATUS, Status(value="processing")
        elif kind in ENDINGS:
            yield from self._ended(run, kind)
            run.over = True
        else:
            for change in step_events([record]):
                yield from _progress(run.progress.step(change))

    def _caused(self, run: _Run, made: dg.AssetMaterialization) -> Iterator[Told]:
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
        """The value of that version; None when it isn't the newest any more: what came in its place is told, too."""
        if reads is None:
            return None
        try:
            content = self.store.read(value_key(asset, self.recording_id))
        except NotFound:
            return None
        try:
            value = reads.model_validate_json(content) if issubclass(reads, BaseModel) else words.from_parquet(content)
        except (ValidationError, PermanentError):
            # Made by other code, and stale by that.
            return None
        return value if version in {None, data_version(value).value} else None

    def _ended(self, run: _Run, kind: dg.DagsterEventType) -> Iterator[Told]:
        if kind == dg.DagsterEventType.RUN_CANCELED:
            yield STATUS, Status(value="error", reason="the run was canceled")
        elif kind == dg.DagsterEventType.RUN_FAILURE and not run.progress.complete:
            ended = self.instance.get_run_by_id(run.run_id)
            if ended is None or ended.tags.get(tags.WILL_RETRY) != "true":
                step, reason = why(self.instance, run.run_id)
                yield STATUS, Status(value="error", step=step, reason=reason)
        elif run.status == "processing" and "transcript" in self._made:
            yield STATUS, Status(value="ended")

    def _status_before(self, at: float) -> str | None:
        """Where the recording was at a time; by the events' own times, whichever run was read first."""
        return max(((when, value) for when, value in self._statuses if when < at), default=(0.0, None))[1]

    def _tell(self, run: _Run, position: Position, at: float, name: str, payload: Frozen) -> None:
        run.told = position
        if isinstance(payload, Status):
            run.status = payload.value
            self._statuses.append((at, payload.value))
        # Of the runs that are open still, so that nothing of them is taken for read; its own place comes first.
        others = [one for one in self._runs.values() if one is not run and self._may_tell(one, run)]
        places = [(one.number, *(one.told or (0, 0))) for one in (run, *sorted(others, key=lambda one: one.number))]
        event_id = "~".join(".".join(map(str, place)) for place in places)
        data = payload.model_dump(mode="json", exclude_none=name in {PIPELINE_PROGRESS, STATUS})
        self._ready.append(Event(id=event_id, at=at, event=name, data=data))

    def _may_tell(self, one: _Run, now: _Run) -> bool:
        """Say whether a run's place is needed beside another's: it can tell more, or was begun beside one that can."""
        first = min((other.number for other in self._runs.values() if not other.over), default=now.number)
        return one.number >= min(first, now.number) and (one.told is not None or one.number < now.number)


def _progress(told: Iterator[Frozen]) -> Iterator[Told]:
    return ((PIPELINE_PROGRESS, one) for one in told)


def _attempts(step: str) -> int:
    """How often a step is tried in one run."""
    # Steps of a fan-out that are ops of their own, such as `each_track`, have the policy of the track's step.
    policy = policies().get(step) or policies()["transcribe_track"]
    return 1 if policy.delivered else policy.retries + 1


def _positions(event_id: str) -> dict[int, Position]:
    """Read an event's id: the place in each run; raises InvalidInput."""
    found = [POSITION.fullmatch(place) for place in event_id.split("~")]
    if not all(found):
        raise InvalidInput(f"{event_id[:80]!r} is no event's id", hint="Give the id of the last event that was read.")
    return {int(one[1]): (int(one[2]), int(one[3])) for one in found if one}


def _own(event_id: str) -> tuple[int, int, int]:
    run, record, part = event_id.split("~", maxsplit=1)[0].split(".")
    return int(run), int(record), int(part)
