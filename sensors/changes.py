"""What happened to recordings since the last look, read off Dagster's own logs page by page."""

import time
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from pydantic import BaseModel

from reflector_assets import tags
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import COMMIT_LAG_S, ENDINGS, settled
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph

PAGE = 200


class Read(BaseModel):
    """How far records of one kind were read: all up to the number `at`, and behind it those that are `ahead`."""

    at: int = 0
    ahead: list[int] = []

    def take(self, records: Iterable[dg.EventLogRecord]) -> list[dg.EventLogRecord]:
        """Those that weren't read before, of the next ones after `at`; moves on as far as they are settled."""
        records, before = list(records), set(self.ahead)
        old = settled(records, time.time() - COMMIT_LAG_S)
        self.at = old[-1].storage_id if old else self.at
        self.ahead = [record.storage_id for record in records[len(old) :]]
        return [record for record in records if record.storage_id not in before]


class Added(BaseModel):
    """How far partitions were read: up to Dagster's cursor `at`, whose `last` is; behind it, since a time, `ahead`."""

    at: str | None = None
    last: str | None = None
    ahead: list[str] = []
    since: float = 0.0


class Cursor(BaseModel):
    """What the sensor has seen: positions in Dagster's own logs, and the recordings still to look at.

    `on_request` holds when somebody asked for a recording, until nothing of it is left to do. Times are in seconds
    since the epoch.
    """

    partitions: Added = Added()
    sources: Read = Read()
    requests: Read = Read()
    ends: dict[str, Read] = {}
    code: str = ""
    code_since: float = 0.0
    scan: str | None = None
    scanning: bool = False
    waiting: list[str] = []
    on_request: dict[str, float] = {}


def happened(instance: dg.DagsterInstance, cursor: Cursor, graph: AssetGraph, settings: Settings) -> Iterator[str]:
    """Ids of recordings to which something happened since the cursor, which moves along."""
    yield from _added(instance, cursor.partitions)
    yield from _reported(instance, cursor)
    yield from _requested(instance, cursor)
    for ending in ENDINGS:
        yield from ended(instance, cursor.ends, ending)
    if cursor.code != graph.digest():
        # The first tick of all pages through every recording as added; only a later change needs a scan.
        cursor.scanning = bool(cursor.code) and settings.reach_seconds > 0
        cursor.code_since = time.time() if cursor.code else 0.0
        cursor.code, cursor.scan = graph.digest(), None
    if cursor.scanning:
        yield from _scanned(instance, cursor, settings)


def _added(instance: dg.DagsterInstance, read: Added) -> list[str]:
    if read.last and not instance.has_dynamic_partition(RECORDINGS, read.last):
        # SQLite gives the number of the last one, when that is deleted, to the next one.
        read.at = read.last = None
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=True, cursor=read.at)
    new = [recording_id for recording_id in page.results if recording_id not in read.ahead]
    # Partitions have no time: when the last of them was first seen stands for it. Of many, only the last page is new.
    if page.has_more or (page.results and not new and time.time() - read.since > COMMIT_LAG_S):
        read.at, read.last, read.ahead = page.cursor, page.results[-1], []
    elif new:
        read.ahead, read.since = list(page.results), time.time()
    return new


def _reported(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Recordings whose source was replaced: the import reports that without a run."""
    return list(_told(instance.fetch_materializations, cursor.sources))


def _requested(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Recordings that somebody asked to bring up to date (`reflector refresh`)."""
    told = _told(instance.fetch_observations, cursor.requests)
    # A cursor that was lost reads old requests again: a run that began since has served them.
    asked = {recording_id: at for recording_id, at in told.items() if at > _last_began(instance, recording_id)}
    cursor.on_request |= asked
    return list(asked)


def _told(fetch: Callable[..., dg.EventRecordsResult], read: Read) -> dict[str, float]:
    """What the next page tells of `recording`: when, by recording id."""
    after = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), after_storage_id=read.at)
    records = read.take(fetch(after, limit=PAGE, ascending=True).records)
    return {record.partition_key: record.timestamp for record in records if record.partition_key}


def _last_began(instance: dg.DagsterInstance, recording_id: str) -> float:
    runs = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1)
    return began_at(runs[0]) if runs else 0.0


def began_at(run: dg.RunRecord) -> float:
    """When a run began to work; the time of its creation is in whole seconds on SQLite."""
    return run.start_time or run.create_timestamp.timestamp()


def ended(instance: dg.DagsterInstance, ends: dict[str, Read], ending: dg.DagsterEventType) -> list[str]:
    """Recordings of the next page of runs that ended so; `ends` holds how far each kind was read, and moves."""
    read = ends.setdefault(ending.value, Read())
    page = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=ending,  # pyright: ignore[reportArgumentType] - the three are of its literal type
            after_storage_id=read.at,
        ),
        limit=PAGE,
        ascending=True,
    )
    run_ids = [record.event_log_entry.run_id for record in read.take(page.records)]
    return _recordings_of(instance.get_runs(dg.RunsFilter(run_ids=run_ids))) if run_ids else []


def _recordings_of(runs: Iterable[dg.DagsterRun]) -> list[str]:
    return [run.tags[tags.PARTITION] for run in runs if tags.PARTITION in run.tags]


def _scanned(instance: dg.DagsterInstance, cursor: Cursor, settings: Settings) -> list[str]:
    """The next page of recordings, newest first, until a whole page is out of reach."""
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=False, cursor=cursor.scan)
    cursor.scan = page.cursor
    last = page.results[-1] if page.results else None
    cursor.scanning = page.has_more and last is not None and _recent(instance, last, settings.reach_seconds)
    return list(page.results)


def _recent(instance: dg.DagsterInstance, recording_id: str, reach: float) -> bool:
    made = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id]), limit=1
    ).records
    return not made or time.time() - made[0].timestamp <= reach
