"""The states of recordings, derived from Dagster's runs and the store; they aren't stored anywhere."""

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import dagster as dg

from domain.errors import NotFound
from domain.overview import RecordingOverview
from domain.recording import folder
from reflector_assets import tags
from reflector_assets.eventlog.steps import failure_reason
from reflector_assets.io_manager import value_key
from reflector_assets.partitions import RECORDINGS, pages
from reflector_assets.records import IN_PROGRESS
from resources.database.catalogue import CatalogueRow
from resources.store.base import Store

# Recordings that are read from the store in parallel, and that are in one query to Dagster.
AT_ONCE, PAGE = 8, 200


def recordings_overview(
    instance: dg.DagsterInstance, store: Store, *, retired: bool = False, page: int = PAGE
) -> Iterator[RecordingOverview]:
    """Yield each recording with its state, newest first, page by page; then, if `retired`, the retired ones.

    Finding the retired ones takes longer: only the store has them all.
    """
    active: set[str] = set()
    for ids in pages(instance, ascending=False, limit=page):
        yield from _page(instance, store, list(map(CatalogueRow, ids)))
        active.update(ids)
    others = sorted(finished(store) - active) if retired else []
    for start in range(0, len(others), page):
        for one in _page(instance, store, list(map(CatalogueRow, others[start : start + page]))):
            yield one._replace(state="retired")


def overviews(instance: dg.DagsterInstance, store: Store, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
    """Return the overviews of rows of the catalogue, retired recordings included, in the rows' order.

    Reads the store only for rows with nothing but an id.
    """
    ids = [row.recording_id for row in rows]
    active = instance.get_existing_dynamic_partitions(RECORDINGS, ids) if ids else ()
    return [one if one.id in active else one._replace(state="retired") for one in _page(instance, store, rows)]


def _page(instance: dg.DagsterInstance, store: Store, rows: Sequence[CatalogueRow]) -> list[RecordingOverview]:
    """Return overviews in order, by one query to Dagster and further ones only for failed runs."""
    last: dict[str, dg.DagsterRun] = {}
    if rows:
        # Newest first.
        for run in instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: [row.recording_id for row in rows]})):
            last.setdefault(run.tags[tags.PARTITION], run)

    def make(row: CatalogueRow) -> RecordingOverview:
        described = _described(row) or _stored(store, row.recording_id)
        return _with_run(instance, described, last.get(row.recording_id))

    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="overview") as pool:
        return list(pool.map(make, rows))


def finished(store: Store) -> set[str]:
    """Return the ids of all recordings with a transcript in the store."""
    parts = (key.split("/") for key in store.list_keys("recordings"))
    return {part[1] for part in parts if len(part) == 3 and part[2] == "transcript.json"}


def overview_of(instance: dg.DagsterInstance, store: Store, recording_id: str) -> RecordingOverview:
    """Return the overview of one recording."""
    last = next(iter(instance.get_runs(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1)), None)
    return _with_run(instance, _stored(store, recording_id), last)


def _stored(store: Store, recording_id: str) -> RecordingOverview:
    """Describe a recording by its files, without its runs."""
    transcript = _json(store, value_key("transcript", recording_id))
    found = (
        transcript
        or _json(store, value_key("recording", recording_id))
        or _json(store, f"{folder(recording_id)}/source/recording.json")
        or {}
    )
    return RecordingOverview(
        id=recording_id,
        room=found.get("room_name"),
        state="ended" if transcript else "new",
        title=transcript.get("title") if transcript else None,
        duration=found.get("duration"),
        run_id=None,
        reason=None,
        created_at=_created_at(found),
    )


def _described(row: CatalogueRow) -> RecordingOverview | None:
    """Describe a recording by its row in the catalogue, without its runs; None if the row has only an id."""
    if row.version is None and row.room is None:
        return None
    return RecordingOverview(
        id=row.recording_id,
        room=row.room,
        state="new" if row.version is None else "ended",
        title=row.title,
        duration=row.duration,
        run_id=None,
        reason=None,
        created_at=row.started_at,
    )


def _with_run(
    instance: dg.DagsterInstance, overview: RecordingOverview, last: dg.DagsterRun | None
) -> RecordingOverview:
    """Return an overview with what its last run adds."""
    if last is None:
        return overview
    overview = overview._replace(run_id=last.run_id)
    if last.status in IN_PROGRESS:
        return overview._replace(state="processing")
    if last.is_failure_or_canceled and not _did_all(instance, last):
        step, reason = _reason(instance, last)
        return overview._replace(state="error", step=step, reason=reason)
    return overview


def _did_all(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    """Return True if a run materialized all planned assets: a run killed after its last step counts as failed."""
    plan = dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED
    planned = instance.get_records_for_run(run.run_id, of_type=plan).records
    made = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION).records
    return bool(planned) and {record.asset_key for record in planned} <= {record.asset_key for record in made}


def _reason(instance: dg.DagsterInstance, run: dg.DagsterRun) -> tuple[str | None, str]:
    if run.status == dg.DagsterRunStatus.CANCELED:
        return None, "canceled"
    step, reason = failure_reason(instance, run.run_id)
    return step, f"{step}: {reason}" if step else reason


def _created_at(described: Mapping[str, Any]) -> float | None:
    """Return when a recording began: transcripts have it in ISO 8601, recordings in epoch seconds."""
    if started := described.get("start_ts"):
        return float(started)
    created = described.get("created_at")
    return datetime.fromisoformat(created).timestamp() if created else None


def _json(store: Store, key: str) -> dict[str, Any] | None:
    try:
        return json.loads(store.read(key))
    except NotFound:
        return None
