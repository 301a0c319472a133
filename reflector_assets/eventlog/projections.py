"""Brings catalogue and ledger up to date from Dagster's partitions and event log, in bounded, idempotent pieces.

Each piece stores its result and its position in the log in one transaction: a kill repeats at most the last piece, and
several processes can do the same piece at once.
"""

import json
import logging
import time
from collections.abc import Sequence
from typing import Any

import dagster as dg

from domain.errors import PermanentError
from reflector_assets.eventlog import archive, usage
from reflector_assets.eventlog.usage import account
from reflector_assets.partitions import RECORDINGS, pages
from reflector_assets.records import COMMIT_LAG_S, plain, settled
from reflector_assets.staleness import DATA_VERSION
from resources.database.catalogue import CORRECTED, RECORDING, TRANSCRIPT, Catalogue, RecordingInfo
from resources.database.corrections import CorrectionHistory
from resources.database.ledger import ENDINGS, Ledger
from resources.database.positions import read_position
from resources.results import search_index
from resources.store.base import Store

PAGE = 1000
log = logging.getLogger(__name__)


def catch_up(
    instance: dg.DagsterInstance,
    store: Store,
    catalogue: Catalogue,
    ledger: Ledger,
    *,
    limit: int = 100,
    settled_after: float = COMMIT_LAG_S,
) -> bool:
    """Process at most `limit` transcripts, and `limit` runs of each ending; return True if nothing is left.

    Events younger than `settled_after` seconds are read again the next time. Raises what the store and the database
    raise.
    """
    listed = follow_recordings(instance, store, catalogue, limit=limit, settled_after=settled_after)
    return follow_runs(instance, ledger, limit=limit, settled_after=settled_after) and listed


def follow_recordings(
    instance: dg.DagsterInstance,
    store: Store,
    catalogue: Catalogue,
    *,
    limit: int = 100,
    settled_after: float = COMMIT_LAG_S,
) -> bool:
    """Bring the catalogue up to date, at most `limit` transcripts at once; return True if nothing is left."""
    until = time.time() - settled_after
    added = _follow_partitions(instance, catalogue)
    described = _follow_described(instance, catalogue, until)
    history = CorrectionHistory(database=catalogue.database)
    indexed = _follow_transcripts(instance, store, catalogue, history, limit, until)
    edited = _follow_corrections(store, catalogue, history, limit)
    return catalogue.reindex(limit) and edited and indexed and described and added


def follow_runs(
    instance: dg.DagsterInstance, ledger: Ledger, *, limit: int = 100, settled_after: float = COMMIT_LAG_S
) -> bool:
    """Bring the ledger up to date, at most `limit` runs of each ending at once; return True if nothing is left."""
    until = time.time() - settled_after
    # A list, because all() on a generator would stop at the first incomplete ending.
    complete = [_follow_ending(instance, ledger, ending, limit, until) for ending in ENDINGS]
    return all(complete)


def unread_partitions(instance: dg.DagsterInstance, catalogue: Catalogue) -> set[str]:
    """Return the recordings added since the catalogue was brought up to date: few, except after an upgrade."""
    cursor = _partitions_cursor(catalogue).get("cursor")
    return {one for page in pages(instance, ascending=True, limit=PAGE, cursor=cursor) for one in page}


def forget(catalogue: Catalogue, ledger: Ledger) -> None:
    """Clear both, so that the next calls of `catch_up` rebuild them."""
    catalogue.clear()
    ledger.clear()


def read_archives(store: Store, ledger: Ledger) -> None:
    """Put the runs of retired recordings, which are no longer in Dagster, into the ledger."""
    for key in store.list_keys("recordings"):
        _, recording_id, name = key.split("/", 2)
        if name != archive.NAME:
            continue
        ended = [account(log.run, usage.rows_of(log.events), log.ended_at) for log in archive.read(store, recording_id)]
        ledger.put(ENDINGS[0], 0, [one for one in ended if one is not None])


def _partitions_cursor(catalogue: Catalogue) -> dict[str, Any]:
    return json.loads(catalogue.partitions_cursor() or "{}")


def _follow_partitions(instance: dg.DagsterInstance, catalogue: Catalogue) -> bool:
    at = _partitions_cursor(catalogue)
    if at.get("last") and not instance.has_dynamic_partition(RECORDINGS, at["last"]):
        # When the last partition is deleted, SQLite reuses its number for the next one.
        at = {}
    page = instance.get_paginated_dynamic_partitions(RECORDINGS, limit=PAGE, ascending=True, cursor=at.get("cursor"))
    if page.results:
        catalogue.add(page.results, json.dumps({"cursor": page.cursor, "last": page.results[-1]}))
    return not page.has_more


def _follow_described(instance: dg.DagsterInstance, catalogue: Catalogue, until: float) -> bool:
    records, complete = _materializations(instance, catalogue, RECORDING, PAGE)
    if records:
        described = [one for record in records if (one := _described(record))]
        catalogue.describe(described, _positions(records, until)[-1])
    return complete


def _follow_transcripts(
    instance: dg.DagsterInstance,
    store: Store,
    catalogue: Catalogue,
    history: CorrectionHistory,
    limit: int,
    until: float,
) -> bool:
    records, complete = _materializations(instance, catalogue, TRANSCRIPT, limit)
    for record in records:
        made = record.asset_materialization
        version = (made.tags or {}).get(DATA_VERSION) if made else None
        if record.partition_key is not None and version is not None:
            _index(record.partition_key, catalogue, history, store, version)
    if records:
        catalogue.advance(TRANSCRIPT, _positions(records, until)[-1])
    return complete


def _follow_corrections(store: Store, catalogue: Catalogue, history: CorrectionHistory, limit: int) -> bool:
    """Index what was edited by processes that were killed before they did."""
    edits = history.after(read_position(catalogue.database, CORRECTED), limit)
    for recording_id in dict.fromkeys(recording_id for _, recording_id, _ in edits):
        _index(recording_id, catalogue, history, store)
    if edits:
        catalogue.advance(CORRECTED, edits[-1][0])
    return len(edits) < limit


def _index(
    recording_id: str, catalogue: Catalogue, history: CorrectionHistory, store: Store, version: str | None = None
) -> None:
    try:
        search_index.index(recording_id, catalogue, history, store, version)
    except (PermanentError, OSError, ValueError, LookupError, TypeError) as error:
        # One transcript must not stop the others; it is indexed when it is made again.
        log.warning("the transcript of %s can't be searched: %s", recording_id, error)


def _materializations(
    instance: dg.DagsterInstance, catalogue: Catalogue, asset: str, limit: int
) -> tuple[Sequence[dg.EventLogRecord], bool]:
    """Return the next materializations of an asset, and whether there are no more."""
    after = read_position(catalogue.database, asset)
    page = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(asset), after_storage_id=after), limit=limit, ascending=True
    )
    return page.records, len(page.records) < limit


def _positions(records: Sequence[dg.EventLogRecord], until: float) -> list[int]:
    """Return the position after each record: that of the last record before the first one later than `until`."""
    numbers = [record.storage_id for record in settled(records, until)]
    # Positions never decrease: 0 leaves them unchanged.
    return numbers + [numbers[-1] if numbers else 0] * (len(records) - len(numbers))


def _described(record: dg.EventLogRecord) -> RecordingInfo | None:
    made = record.asset_materialization
    if record.partition_key is None or made is None or "room" not in made.metadata:
        # Reported by an import that replaced the recording.
        return None
    metadata = plain(made.metadata)
    return RecordingInfo(
        record.partition_key, str(metadata["room"]), _float(metadata.get("started")), _float(metadata.get("duration_s"))
    )


def _follow_ending(instance: dg.DagsterInstance, ledger: Ledger, ending: str, limit: int, until: float) -> bool:
    page = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=dg.DagsterEventType[ending],  # pyright: ignore[reportArgumentType] - the three are of its type
            after_storage_id=ledger.position(ending),
        ),
        limit=limit,
        ascending=True,
    )
    if page.records:
        of = dg.RunsFilter(run_ids=[record.event_log_entry.run_id for record in page.records])
        runs = {run.run_id: run for run in instance.get_runs(of)}
        ended = [
            account(run, usage.rows(instance, run.run_id), record.timestamp)
            for record in page.records
            if (run := runs.get(record.event_log_entry.run_id))
        ]
        ledger.put(ending, _positions(page.records, until)[-1], [one for one in ended if one is not None])
    return len(page.records) < limit


def _float(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None
