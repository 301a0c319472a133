"""Retires a recording: its runs leave Dagster for the archive, what they made stays known, its partition goes last.

Each step can be repeated, and a recording of the set RETIRED is due again while it has a partition: after a crash the
next night finishes what was begun.
"""

from collections.abc import Collection, Sequence
from graphlib import TopologicalSorter

import dagster as dg
from pydantic import ValidationError

from domain.consent import DENIED
from domain.errors import NotFound, TransientError
from domain.recording import value_key
from domain.results import ConsentCleanup
from reflector_assets import tags
from reflector_assets.eventlog import archive, projections
from reflector_assets.eventlog.archive import RunLog
from reflector_assets.partitions import RECORDINGS, RETIRED
from reflector_assets.records import made_at
from reflector_assets.staleness import INPUT_POINTER, input_reason, latest_of
from resources.database.ledger import Ledger
from resources.store.base import Store

# The metadata that is read of past materializations, for the catalogue and for consents. The rest takes three times
# the space, and in part quotes the meeting: it is in the archive only.
KEPT_METADATA = {"room", "started", "duration_s", "last_statement", "statements"}
# The pointer of an input whose newest content wasn't consumed: before every event.
NOT_CONSUMED = "0"


# What a run makes that only follows a denial of consent: its events don't quote the meeting.
CLEANUP = {dg.AssetKey("consent_cleanup")}


def retire(instance: dg.DagsterInstance, store: Store, ledger: Ledger, recording_id: str) -> None:
    """Archive a recording's runs and remove its partition; raise TransientError, after which it can be repeated.

    If consent was denied, the archive has no events that quote the meeting.
    """
    instance.add_dynamic_partitions(RETIRED, [recording_id])
    while not projections.follow_runs(instance, ledger):
        pass
    runs = archive.all_runs(instance, store, recording_id)
    is_denied = _is_denied(store, recording_id)
    if begun := [log.run.run_id for log in runs if not log.run.is_finished]:
        raise TransientError(f"run {begun[0]} has begun meanwhile", recording=recording_id)
    if archived := [log for log in runs if not is_denied or log.run.asset_selection == CLEANUP]:
        archive.write(store, recording_id, archived)
    _report_again(instance, recording_id, runs)
    for log in runs:
        delete_run(instance, log.run.run_id)
    instance.delete_dynamic_partition(RECORDINGS, recording_id)


def delete_run(instance: dg.DagsterInstance, run_id: str) -> None:
    """Delete a run with its events and compute logs; no error if it is gone."""
    try:
        instance.compute_log_manager.delete_logs(prefix=[run_id])
    except Exception as error:
        raise TransientError(f"the compute logs of run {run_id} could not be deleted: {error}") from error
    # Before the run's record, by which another attempt finds them after a kill.
    instance.event_log_storage.delete_events(run_id)
    instance.delete_run(run_id)


def without_partition(instance: dg.DagsterInstance, partitions: Collection[str]) -> list[str]:
    """Return the recordings with runs that are not among the partitions: version 0.1.0 left the runs in Dagster."""
    ids = {value for _, values in instance.get_run_tags([tags.PARTITION]) for value in values}
    return sorted(ids.difference(partitions))


def _is_denied(store: Store, recording_id: str) -> bool:
    try:
        cleanup = ConsentCleanup.model_validate_json(store.read(value_key("consent_cleanup", recording_id)))
    except (NotFound, ValidationError):
        return False
    return cleanup.audio_deleted and cleanup.reason == DENIED


def _report_again(instance: dg.DagsterInstance, recording_id: str, runs: Sequence[RunLog]) -> None:
    """Report the last materialization of each asset that the runs made, as one without a run.

    Inputs come before the assets that consumed them, whose pointers name the new events: fresh assets stay fresh.
    """
    assets = {one.asset_key.to_user_string() for log in runs for one in log.events if _is_made(one) and one.asset_key}
    last = {asset: record for asset in sorted(assets) if (record := latest_of(instance, asset, recording_id))}
    order = TopologicalSorter({asset: _inputs(record) for asset, record in last.items()})
    for asset in order.static_order():
        # One without a run was reported before a crash, or by an import.
        if (record := last.get(asset)) is not None and record.run_id:
            instance.report_runless_asset_event(_again(instance, recording_id, asset, record))


def _again(
    instance: dg.DagsterInstance, recording_id: str, asset: str, record: dg.EventLogRecord
) -> dg.AssetMaterialization:
    made = record.asset_materialization
    assert made is not None
    pointers: dict[str, str] = {}
    for parent in _inputs(record):
        if newest := latest_of(instance, parent, recording_id):
            consumed = input_reason(instance, recording_id, asset, record, parent, newest) is None
            pointers[f"{INPUT_POINTER}{parent}"] = str(newest.storage_id) if consumed else NOT_CONSUMED
    return dg.AssetMaterialization(
        asset,
        description="made by a run that is in the archive",
        partition=recording_id,
        metadata={name: value for name, value in made.metadata.items() if name in KEPT_METADATA},
        tags={**(made.tags or {}), **pointers, tags.MADE_AT: f"{made_at(record):.3f}"},
    )


def _inputs(record: dg.EventLogRecord) -> list[str]:
    made = record.asset_materialization
    names = (made.tags or {}) if made else {}
    return [name.removeprefix(INPUT_POINTER) for name in names if name.startswith(INPUT_POINTER)]


def _is_made(record: dg.EventLogRecord) -> bool:
    event = record.event_log_entry.dagster_event
    return event is not None and event.event_type == dg.DagsterEventType.ASSET_MATERIALIZATION
