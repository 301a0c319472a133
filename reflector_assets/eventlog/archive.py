"""The runs of a retired recording with their events: `events.json.gz` in the store, beside the transcript.

Readers take a run from here where it is in the archive, and from Dagster otherwise.
"""

import gzip
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import dagster as dg

from domain.errors import NotFound, PermanentError
from domain.recording import folder
from reflector_assets import tags
from reflector_assets.records import ENDINGS, records_of
from resources.store.base import Store

SUFFIX = ".gz"
NAME = f"events.json{SUFFIX}"
FORMAT = 1


class RunLog(NamedTuple):
    """A run with all of its event records, in order."""

    record: dg.RunRecord
    events: Sequence[dg.EventLogRecord]

    @property
    def run(self) -> dg.DagsterRun:
        """Return the run itself."""
        return self.record.dagster_run

    @property
    def ended_at(self) -> float:
        """Return when the run ended, in epoch seconds: the time of its last ending, or else of its last event."""
        endings = [one.timestamp for one in self.events if one.event_log_entry.dagster_event_type in ENDINGS]
        return endings[-1] if endings else max((one.timestamp for one in self.events), default=0.0)


def key(recording_id: str) -> str:
    """Return the key of a recording's archive."""
    return f"{folder(recording_id)}/{NAME}"


def read(store: Store, recording_id: str) -> list[RunLog]:
    """Return the archived runs, oldest first; none without an archive. Raise PermanentError if it can't be read."""
    try:
        content = store.read(key(recording_id))
    except NotFound:
        return []
    try:
        document: dict[str, Any] = json.loads(gzip.decompress(content))
        return [_run_log(run) for run in document["runs"]]
    except Exception as error:
        # The classes that Dagster's deserialization raises aren't public.
        raise PermanentError(
            f"{key(recording_id)} is not an archive of events ({type(error).__name__})",
            recording=recording_id,
            hint="Restore it from a backup, or remove it: then its runs are missing in `reflector trace`.",
        ) from error


def write(store: Store, recording_id: str, runs: Sequence[RunLog]) -> None:
    """Replace a recording's archive."""
    document: dict[str, Any] = {"format": FORMAT, "recording": recording_id, "runs": [_document(run) for run in runs]}
    # Equal runs make an equal file.
    store.write(key(recording_id), gzip.compress(json.dumps(document).encode(), mtime=0))


def erase(store: Store, recording_id: str) -> None:
    """Delete a recording's archive permanently, with old versions and what a killed process left of one."""
    for remnant in store.list_remnants(folder(recording_id)):
        if remnant.endswith(SUFFIX):
            store.erase(remnant)


def live(instance: dg.DagsterInstance, recording_id: str) -> list[RunLog]:
    """Return the runs that are in Dagster, oldest first."""
    records = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
    ordered = sorted(records, key=lambda record: record.storage_id)
    return [RunLog(record, records_of(instance, record.dagster_run.run_id)) for record in ordered]


def all_runs(instance: dg.DagsterInstance, store: Store, recording_id: str) -> list[RunLog]:
    """Return the runs in the archive, then those that are in Dagster only."""
    # In this order: a run that is deleted meanwhile was archived before.
    current = live(instance, recording_id)
    archived = read(store, recording_id)
    known = {one.run.run_id for one in archived}
    return [*archived, *(one for one in current if one.run.run_id not in known)]


def _document(log: RunLog) -> dict[str, Any]:
    record, run = log
    selected = record.dagster_run.asset_selection
    return {
        "number": record.storage_id,
        "run_id": record.dagster_run.run_id,
        "job": record.dagster_run.job_name,
        "status": record.dagster_run.status.value,
        "tags": dict(record.dagster_run.tags),
        "assets": None if selected is None else sorted(asset.to_user_string() for asset in selected),
        "created": record.create_timestamp.timestamp(),
        "updated": record.update_timestamp.timestamp(),
        "started": record.start_time,
        "ended": record.end_time,
        "events": [[one.storage_id, json.loads(one.event_log_entry.to_json())] for one in run],
    }


def _run_log(run: dict[str, Any]) -> RunLog:
    assets = run["assets"]
    made = dg.DagsterRun(
        run["job"],
        run_id=run["run_id"],
        status=dg.DagsterRunStatus(run["status"]),
        tags=run["tags"],
        asset_selection=None if assets is None else {dg.AssetKey.from_user_string(one) for one in assets},
    )
    record = dg.RunRecord(
        storage_id=run["number"],
        dagster_run=made,
        create_timestamp=datetime.fromtimestamp(run["created"], UTC),
        update_timestamp=datetime.fromtimestamp(run["updated"], UTC),
        start_time=run["started"],
        end_time=run["ended"],
    )
    entries = ((number, dg.EventLogEntry.from_json(json.dumps(entry))) for number, entry in run["events"])
    return RunLog(record, [dg.EventLogRecord(storage_id=number, event_log_entry=entry) for number, entry in entries])
