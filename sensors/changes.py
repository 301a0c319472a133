"""Recordings that changed since the last tick, read page by page from Dagster's logs."""

import time
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from pydantic import BaseModel

from reflector_assets import tags
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import COMMIT_LAG_S, ENDINGS, made_at, settled
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from sensors.gathering import Gathering
from sensors.problems import Problems

PAGE = 200


class LogPosition(BaseModel):
    """A position in records of one kind: all up to storage id `at` were read, and of later ones those in `ahead`."""

    at: int = 0
    ahead: list[int] = []

    def advance(self, records: Iterable[dg.EventLogRecord]) -> list[dg.EventLogRecord]:
        """Return the records after `at` that weren't read before; advance as far as no more can appear before them."""
        records, before = list(records), set(self.ahead)
        old = settled(records, time.time() - COMMIT_LAG_S)
        self.at = old[-1].storage_id if old else self.at
        self.ahead = [record.storage_id for record in records[len(old) :]]
        return [record for record in records if record.storage_id not in before]


class PartitionPosition(BaseModel):
    """A position in the partitions: read up to Dagster's cursor `at` and partition `last`, and at `since`, `ahead`."""

    at: str | None = None
    last: str | None = None
    ahead: list[str] = []
    since: float = 0.0


class Cursor(BaseModel):
    """The sensor's state: positions in Dagster's logs, and the recordings still to be checked.

    `on_request` has the time of each requested refresh until nothing is left to do. Times are in epoch seconds.
    """

    partitions: PartitionPosition = PartitionPosition()
    sources: LogPosition = LogPosition()
    requests: LogPosition = LogPosition()
    ends: dict[str, LogPosition] = {}
    code: str = ""
    code_since: float = 0.0
    scan: str | None = None
    scanning: bool = False
    waiting: list[str] = []
    on_request: dict[str, float] = {}
    gathering: Gathering = Gathering()
    # Read by reflector_assets/log_entries.py.
    problems: Problems = Problems()


def changed_recordings(
    instance: dg.DagsterInstance, cursor: Cursor, graph: AssetGraph, settings: Settings
) -> Iterator[str]:
    """Yield the ids of recordings that changed since the cursor, and advance the cursor."""
    yield from _added(instance, cursor.partitions)
    yield from _replaced(instance, cursor)
    yield from _requested(instance, cursor)
    for ending in ENDINGS:
        yield from ended(instance, cursor.ends, ending)
    if cursor.code != graph.digest():
        # The very first tick reads every recording as added; only a later change needs a scan.
        cursor.scanning = bool(cursor.code) and settings.reach_seconds > 0
        cursor.code_since = time.time() if cursor.code else 0.0
        cursor.code, cursor.scan = graph.digest(), None
    if cursor.scanning:
        yield from _scanned(instance, cursor, settings)


def _added(instance: dg.DagsterInstance, position: PartitionPosition) -> list[str]:
    if position.last and not instance.has_dynamic_partition(RECORDINGS, position.last):
        # When the last partition is deleted, SQLite reuses its number for the next one.
        position.at = position.last = None
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=True, cursor=position.at)
    new = [recording_id for recording_id in page.results if recording_id not in position.ahead]
    # Partitions have no timestamp: the time when the last one was first read replaces it. Only the last page is young.
    if page.has_more or (page.results and not new and time.time() - position.since > COMMIT_LAG_S):
        position.at, position.last, position.ahead = page.cursor, page.results[-1], []
    elif new:
        position.ahead, position.since = list(page.results), time.time()
    return new


def _replaced(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Return the recordings that an import replaced, which it reports without a run."""
    return list(_events_of_recordings(instance.fetch_materializations, cursor.sources))


def _requested(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Return the recordings whose refresh was requested (`reflector refresh`)."""
    requests = _events_of_recordings(instance.fetch_observations, cursor.requests)
    # After the loss of a cursor old requests are read again: a run that started since has fulfilled them.
    pending = {recording_id: at for recording_id, at in requests.items() if at > _last_began(instance, recording_id)}
    cursor.on_request |= pending
    return list(pending)


def _events_of_recordings(fetch: Callable[..., dg.EventRecordsResult], position: LogPosition) -> dict[str, float]:
    """Return the times of the next page of events of `recording`, by recording id."""
    after = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), after_storage_id=position.at)
    records = position.advance(fetch(after, limit=PAGE, ascending=True).records)
    return {record.partition_key: record.timestamp for record in records if record.partition_key}


def _last_began(instance: dg.DagsterInstance, recording_id: str) -> float:
    runs = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1)
    return began_at(runs[0]) if runs else 0.0


def began_at(run: dg.RunRecord) -> float:
    """Return when a run started, or else when it was created, which SQLite stores in whole seconds."""
    return run.start_time or run.create_timestamp.timestamp()


def ended(instance: dg.DagsterInstance, ends: dict[str, LogPosition], ending: dg.DagsterEventType) -> list[str]:
    """Return the recordings of the next page of runs with that ending; `ends` has the position for each ending."""
    position = ends.setdefault(ending.value, LogPosition())
    page = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=ending,  # pyright: ignore[reportArgumentType] - the endings are of its literal type
            after_storage_id=position.at,
        ),
        limit=PAGE,
        ascending=True,
    )
    run_ids = [record.event_log_entry.run_id for record in position.advance(page.records)]
    return _recordings_of(instance.get_runs(dg.RunsFilter(run_ids=run_ids))) if run_ids else []


def _recordings_of(runs: Iterable[dg.DagsterRun]) -> list[str]:
    return [run.tags[tags.PARTITION] for run in runs if tags.PARTITION in run.tags]


def _scanned(instance: dg.DagsterInstance, cursor: Cursor, settings: Settings) -> list[str]:
    """Return the next page of recordings, newest first; end the scan when a page's oldest one is out of reach."""
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=False, cursor=cursor.scan)
    cursor.scan = page.cursor
    last = page.results[-1] if page.results else None
    cursor.scanning = page.has_more and last is not None and _recent(instance, last, settings.reach_seconds)
    return list(page.results)


def _recent(instance: dg.DagsterInstance, recording_id: str, reach: float) -> bool:
    made = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id]), limit=1
    ).records
    return not made or time.time() - made_at(made[0]) <= reach
