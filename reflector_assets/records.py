"""Helpers to read Dagster's records: runs in progress and their endings, attempts, metadata."""

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

import dagster as dg

from reflector_assets import log_entries, tags

# On PostgreSQL a record can become visible up to this much later than one with a higher number: younger records are
# read again.
COMMIT_LAG_S = 2.0
# Dagster decides within this time after a run's failure whether it resumes the run.
RETRY_DECISION_S = 5.0
ENDINGS = (dg.DagsterEventType.RUN_SUCCESS, dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED)
IN_PROGRESS = [dg.DagsterRunStatus[status] for status in log_entries.IN_PROGRESS]
ATTEMPT_BEGINS = {dg.DagsterEventType.STEP_START, dg.DagsterEventType.STEP_RESTARTED}
ATTEMPT_ENDS = {
    dg.DagsterEventType.STEP_SUCCESS,
    dg.DagsterEventType.STEP_FAILURE,
    dg.DagsterEventType.STEP_UP_FOR_RETRY,
}


def settled(records: Iterable[dg.EventLogRecord], until: float) -> list[dg.EventLogRecord]:
    """Return the records before the first one later than `until` (epoch seconds): no more will appear among them."""
    return list(takewhile(lambda record: record.timestamp <= until, records))


def records_of(
    instance: dg.DagsterInstance, run_id: str, of_type: set[dg.DagsterEventType] | None = None
) -> list[dg.EventLogRecord]:
    """Return all event records of a run, in order."""
    records: list[dg.EventLogRecord] = []
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, of_type=of_type)
        records += page.records
        if not page.has_more:
            return records
        cursor = page.cursor


def made_at(record: dg.EventLogRecord) -> float:
    """Return when a materialization was made, in epoch seconds, even if it was reported again since."""
    made = record.asset_materialization
    return float((made.tags or {}).get(tags.MADE_AT, record.timestamp)) if made else record.timestamp


def plain(metadata: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return metadata as plain values."""
    return {name: getattr(value, "value", value) for name, value in (metadata or {}).items()}
