"""The sensor that requests deletion of audio after a denial of consent, until the audio is deleted."""

import time
from collections.abc import Iterable

import dagster as dg
from pydantic import BaseModel

from reflector_assets import tags
from reflector_assets.operations.runs import at_work, code_tag
from reflector_assets.partitions import RECORDINGS, recordings
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from resources.database.consents import Consents
from sensors.changes import LogPosition, ended
from sensors.discovery import has_begun
from sensors.problems import Problems
from sensors.sensor import sensor

CLEANUP = "consent_cleanup"
PAGE = 200
TICK_BUDGET_S = 20.0
# Seconds after which a deletion that failed despite its retries is requested again: the first time, and then each time.
FIRST_WAIT_S, NEXT_WAITS_S = 600.0, 3600.0


class Pending(BaseModel):
    """A recording whose denial `seq` isn't fulfilled yet; `ask_at` is when the next run is due, in epoch seconds."""

    seq: int
    asked: int = 0
    ask_at: float = 0.0


class Cursor(BaseModel):
    """Positions in the statements and in failed runs, and the recordings whose audio is still to be deleted."""

    seq: int = 0
    ends: dict[str, LogPosition] = {}
    pending: dict[str, Pending] = {}
    problems: Problems = Problems()


def build(job_name: str, graph: AssetGraph, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor for a job over this graph."""

    @sensor(
        "After a denial of consent, requests consent_cleanup for each recording of the meeting without a run in "
        "progress, and repeats it until it succeeds.",
        job_name=job_name,
        interval_s=5,
    )
    def follow_consents(context: dg.SensorEvaluationContext, consents: Consents) -> dg.SensorResult | dg.SkipReason:
        if settings.mode != "live":
            # The cursor stays: denials are fulfilled once this system is live.
            return dg.SkipReason(f"in mode {settings.mode} nothing is deleted")
        instance = context.instance
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        _read_statements(consents, cursor)
        _read_failures(instance, consents, cursor)
        requests = list(_due(context, consents, graph, cursor))
        # A retired recording becomes a partition again for it.
        retired = [str(one.partition_key) for one in requests if not _is_partition(instance, str(one.partition_key))]
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[recordings.build_add_request(retired)] if retired else [],
            skip_reason=None if requests else f"{len(cursor.pending)} recordings waiting",
            cursor=cursor.model_dump_json(),
        )

    return follow_consents


def _read_statements(consents: Consents, cursor: Cursor) -> None:
    for statement in consents.after(cursor.seq, PAGE):
        cursor.seq = statement.seq
        if not statement.given:
            for recording_id in {statement.meeting_id, *consents.recordings_of(statement.meeting_id)}:
                cursor.pending[recording_id] = Pending(seq=statement.seq)


def _read_failures(instance: dg.DagsterInstance, consents: Consents, cursor: Cursor) -> None:
    """Add recordings with a denial whose runs failed: a run that succeeds ends with the deletion."""
    for ending in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED):
        for recording_id in set(ended(instance, cursor.ends, ending)):
            denials = consents.denials(recording_id)
            if denials and recording_id not in cursor.pending:
                cursor.pending[recording_id] = Pending(seq=denials[-1].seq)


def _due(
    context: dg.SensorEvaluationContext, consents: Consents, graph: AssetGraph, cursor: Cursor
) -> Iterable[dg.RunRequest]:
    """Yield the runs that are due; drop recordings whose denial is fulfilled or withdrawn."""
    end = time.monotonic() + TICK_BUDGET_S
    for recording_id, pending in list(cursor.pending.items()):
        if time.monotonic() > end:
            return
        if cursor.problems.is_waiting(recording_id):
            continue
        request = None
        with cursor.problems.isolate(recording_id, context.log):
            request = _request(context.instance, consents, graph, cursor, recording_id, pending)
        if request:
            yield request


def _request(
    instance: dg.DagsterInstance,
    consents: Consents,
    graph: AssetGraph,
    cursor: Cursor,
    recording_id: str,
    pending: Pending,
) -> dg.RunRequest | None:
    """Return the run of a recording, if it is due."""
    if _is_fulfilled(instance, recording_id, pending.seq) or not consents.denials(recording_id):
        del cursor.pending[recording_id]
        return None
    if not has_begun(instance, recording_id):
        # The id of a meeting, or of a recording that hasn't arrived: its run will end with the deletion, or fail.
        del cursor.pending[recording_id]
        return None
    if time.time() < pending.ask_at or at_work(instance, recording_id):
        return None
    pending.asked += 1
    pending.ask_at = time.time() + (FIRST_WAIT_S if pending.asked == 1 else NEXT_WAITS_S)
    return dg.RunRequest(
        partition_key=recording_id,
        asset_selection=[dg.AssetKey(CLEANUP)],
        # If a tick dies between requesting the run and storing its cursor, the repeated request has no effect.
        run_key=f"{recording_id}:{pending.seq}:{pending.asked}",
        tags={tags.PRIORITY: tags.NEW, tags.CODE: code_tag(graph, [CLEANUP])},
    )


def _is_fulfilled(instance: dg.DagsterInstance, recording_id: str, seq: int) -> bool:
    """Return True if the last consent_cleanup took this denial into account."""
    made = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(CLEANUP), asset_partitions=[recording_id]), limit=1
    ).records
    if not made or (materialization := made[0].asset_materialization) is None:
        return False
    last = materialization.metadata.get("last_statement")
    return last is not None and isinstance(last.value, int) and last.value >= seq


def _is_partition(instance: dg.DagsterInstance, recording_id: str) -> bool:
    return instance.has_dynamic_partition(RECORDINGS, recording_id)
