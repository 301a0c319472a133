"""What happened to recordings since the last look, read off Dagster's own logs page by page."""

import time
from collections.abc import Callable, Iterable, Iterator

import dagster as dg
from pydantic import BaseModel

from reflector_assets import tags
from reflector_assets.partitions import RECORDINGS
from reflector_assets.records import ENDINGS
from reflector_assets.settings import Settings
from reflector_assets.staleness import AssetGraph

PAGE = 200


class Cursor(BaseModel):
    """What the sensor has seen: positions in Dagster's own logs, and the recordings still to look at.

    `on_request` holds when somebody asked for a recording, until nothing of it is left to do. Times are in seconds
    since the epoch.
    """

    partitions: str | None = None
    last_added: str | None = None
    reported: int = 0
    requested: int = 0
    endings: dict[str, int] = {}
    code: str = ""
    code_since: float = 0.0
    scan: str | None = None
    scanning: bool = False
    waiting: list[str] = []
    on_request: dict[str, float] = {}


def happened(instance: dg.DagsterInstance, cursor: Cursor, graph: AssetGraph, settings: Settings) -> Iterator[str]:
    """Ids of recordings to which something happened since the cursor, which moves along."""
    yield from _added(instance, cursor)
    yield from _reported(instance, cursor)
    yield from _requested(instance, cursor)
    for ending in ENDINGS:
        yield from ended(instance, cursor.endings, ending)
    if cursor.code != graph.digest():
        # The first tick of all pages through every recording as added; only a later change needs a scan.
        cursor.scanning = bool(cursor.code) and settings.reach_seconds > 0
        cursor.code_since = time.time() if cursor.code else 0.0
        cursor.code, cursor.scan = graph.digest(), None
    if cursor.scanning:
        yield from _scanned(instance, cursor, settings)


def _added(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    name = RECORDINGS
    if cursor.last_added and not instance.has_dynamic_partition(name, cursor.last_added):
        # SQLite gives the number of the last one, when that is deleted, to the next one.
        cursor.partitions = cursor.last_added = None
    page = instance.get_paginated_dynamic_partitions(name, limit=PAGE, ascending=True, cursor=cursor.partitions)
    cursor.partitions = page.cursor
    found = list(page.results)
    cursor.last_added = found[-1] if found else cursor.last_added
    return found


def _reported(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Recordings whose source was replaced: the import reports that without a run."""
    told, cursor.reported = _told(instance.fetch_materializations, cursor.reported)
    return list(told)


def _requested(instance: dg.DagsterInstance, cursor: Cursor) -> list[str]:
    """Recordings that somebody asked to bring up to date (`reflector refresh`)."""
    told, cursor.requested = _told(instance.fetch_observations, cursor.requested)
    # A cursor that was lost reads old requests again: a run that began since has served them.
    asked = {recording_id: at for recording_id, at in told.items() if at > _last_began(instance, recording_id)}
    cursor.on_request |= asked
    return list(asked)


def _told(fetch: Callable[..., dg.EventRecordsResult], after: int) -> tuple[dict[str, float], int]:
    """The next page of what was told of `recording`: when, by recording id, and the last storage id."""
    page = fetch(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), after_storage_id=after), limit=PAGE, ascending=True
    )
    times = {record.partition_key: record.timestamp for record in page.records if record.partition_key}
    return times, max([after, *(record.storage_id for record in page.records)])


def _last_began(instance: dg.DagsterInstance, recording_id: str) -> float:
    runs = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1)
    return began_at(runs[0]) if runs else 0.0


def began_at(run: dg.RunRecord) -> float:
    """When a run began to work; the time of its creation is in whole seconds on SQLite."""
    return run.start_time or run.create_timestamp.timestamp()


def ended(instance: dg.DagsterInstance, endings: dict[str, int], ending: dg.DagsterEventType) -> list[str]:
    """Recordings of the next page of runs that ended so; `endings` holds the last one read of each kind, and moves."""
    page = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=ending,  # pyright: ignore[reportArgumentType] - the three are of its literal type
            after_storage_id=endings.get(ending.value, 0),
        ),
        limit=PAGE,
        ascending=True,
    )
    if not page.records:
        return []
    endings[ending.value] = page.records[-1].storage_id
    run_ids = [record.event_log_entry.run_id for record in page.records]
    return _recordings_of(instance.get_runs(dg.RunsFilter(run_ids=run_ids)))


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
