"""The sensor that requests deletion of audio after a denial of consent, until the audio is deleted."""

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import cast

import dagster as dg
from pydantic import BaseModel

from domain.consent import Statement
from reflector_assets import tags
from reflector_assets.operations.runs import at_work, code_tags
from reflector_assets.partitions import RECORDINGS, recordings
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from resources.daily.api import DailyAPI
from resources.daily.meetings import learn_ids
from resources.database.consents import Consents
from resources.old_system.meetings import OldMeetings
from sensors.changes import LogPosition, ended
from sensors.discovery import has_begun
from sensors.problems import Problems
from sensors.sensor import INTERVAL_S, sensor, why_not_live

CLEANUP = "consent_cleanup"
PUBLISHED = (CLEANUP, "zulip_message", "webhook_delivery")
PAGE = 200
TICK_BUDGET_S = 20.0
# Seconds after which a deletion that failed despite its retries is requested again: the first time, and then each time.
FIRST_WAIT_S, NEXT_WAITS_S = 600.0, 3600.0
# Seconds between two questions to Daily about a recording's meeting, or to the old system about an id of its own.
LEARN_AGAIN_S = 600.0


class Pending(BaseModel):
    """A recording with a denial, `seq`, that isn't fulfilled yet, or one that waited for others' denials (0).

    `ask_at` is when the next run is due, in epoch seconds.
    """

    seq: int
    asked: int = 0
    ask_at: float = 0.0


class Cursor(BaseModel):
    """Positions in the statements, in the recordings' ids and in failed runs, and the recordings that wait for a run.

    `learned` is when Daily was last asked about a recording's ids, or the old system about a meeting, in epoch seconds.
    """

    seq: int = 0
    revision: int = 0
    ends: dict[str, LogPosition] = {}
    pending: dict[str, Pending] = {}
    learned: dict[str, float] = {}
    problems: Problems = Problems()


def build(job_name: str, graph: AssetGraph, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor for a job over this graph."""

    @sensor(
        "After a denial of consent, requests consent_cleanup for each recording of the meeting without a run in "
        "progress, and repeats it until it succeeds. Publishes recordings that waited for an unmatched denial.",
        job_name=job_name,
        interval_s=INTERVAL_S,
        # The cursor stays: denials are fulfilled once this system is live.
        stopped=why_not_live(settings),
    )
    def follow_consents(
        context: dg.SensorEvaluationContext, consents: Consents, daily_api: DailyAPI, old_meetings: OldMeetings
    ) -> dg.SensorResult:
        instance = context.instance
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        _learn(daily_api, old_meetings, consents, cursor)
        _read_statements(consents, cursor)
        held = consents.held()
        _read_meetings(consents, cursor, held)
        _read_failures(instance, consents, cursor)
        requests = list(_due(context, consents, graph, cursor, held))
        # A retired recording becomes a partition again for it.
        retired = [str(one.partition_key) for one in requests if not _is_partition(instance, str(one.partition_key))]
        return dg.SensorResult(
            run_requests=requests,
            dynamic_partitions_requests=[recordings.build_add_request(retired)] if retired else [],
            skip_reason=None if requests else f"{len(cursor.pending)} recordings await a deletion, none due",
            cursor=cursor.model_dump_json(),
        )

    return follow_consents


def _learn(daily_api: DailyAPI, old_meetings: OldMeetings, consents: Consents, cursor: Cursor) -> None:
    """Ask the old system about one id in an unmatched denial, and Daily about one recording that it could be about."""
    now = time.time()
    cursor.learned = {one: at for one, at in cursor.learned.items() if now - at < LEARN_AGAIN_S}
    if old_meetings.is_set:
        unknown = (one for one in consents.unknown_ids() if one.meeting_id not in cursor.learned)
        if (denial := next(unknown, None)) is not None:
            cursor.learned[denial.meeting_id] = now
            old_meetings.learn(consents, denial)
    if daily_api.is_set:
        recording_id = next((one for one in consents.candidates() if one not in cursor.learned), None)
        if recording_id is not None:
            cursor.learned[recording_id] = now
            learn_ids(daily_api, consents, recording_id)


def _read_statements(consents: Consents, cursor: Cursor) -> None:
    for statement in consents.after(cursor.seq, PAGE):
        cursor.seq = statement.seq
        if not statement.given:
            for recording_id in {statement.meeting_id, *consents.recordings_of(statement.meeting_id)}:
                cursor.pending[recording_id] = Pending(seq=statement.seq)


def _read_meetings(consents: Consents, cursor: Cursor, held: Mapping[str, float]) -> None:
    """Add recordings with a denial that names an id which became known later, and those that need not wait longer."""
    for recording_id, revision in consents.identified_after(cursor.revision, PAGE):
        cursor.revision = revision
        if denials := consents.denials(recording_id):
            cursor.pending[recording_id] = Pending(seq=denials[-1].seq)
    for recording_id in held:
        if recording_id not in cursor.pending and not consents.holding(recording_id):
            cursor.pending[recording_id] = Pending(seq=0)


def _read_failures(instance: dg.DagsterInstance, consents: Consents, cursor: Cursor) -> None:
    """Add recordings with a denial whose runs failed: a run that succeeds ends with the deletion."""
    for ending in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED):
        for recording_id in set(ended(instance, cursor.ends, ending)):
            denials = consents.denials(recording_id)
            if denials and recording_id not in cursor.pending:
                cursor.pending[recording_id] = Pending(seq=denials[-1].seq)


def _due(
    context: dg.SensorEvaluationContext,
    consents: Consents,
    graph: AssetGraph,
    cursor: Cursor,
    held: Mapping[str, float],
) -> Iterable[dg.RunRequest]:
    """Yield the runs that are due; drop recordings whose denial is fulfilled or withdrawn."""
    end = time.monotonic() + TICK_BUDGET_S
    for recording_id in list(cursor.pending):
        if time.monotonic() > end:
            return
        if cursor.problems.is_waiting(recording_id):
            continue
        request = None
        with cursor.problems.isolate(recording_id, context.log):
            request = _request(context.instance, consents, graph, cursor, recording_id, held.get(recording_id))
        if request:
            yield request


def _request(
    instance: dg.DagsterInstance,
    consents: Consents,
    graph: AssetGraph,
    cursor: Cursor,
    recording_id: str,
    held: float | None,
) -> dg.RunRequest | None:
    """Return the run of a recording, if it is due."""
    pending = cursor.pending[recording_id]
    denials = consents.denials(recording_id)
    released = held is not None and not consents.holding(recording_id)
    if not released and _is_fulfilled(instance, recording_id, denials):
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
    assets = PUBLISHED if released else (CLEANUP,)
    what = ",".join(str(denial.seq) for denial in denials)
    return dg.RunRequest(
        partition_key=recording_id,
        asset_selection=[dg.AssetKey(name) for name in assets],
        # If a tick dies between requesting the run and storing its cursor, the repeated request has no effect.
        run_key=f"{recording_id}:{what}{f':{held}' if released else ''}:{pending.asked}",
        tags={tags.PRIORITY: tags.NEW, **code_tags(graph, assets)},
    )


def _is_fulfilled(instance: dg.DagsterInstance, recording_id: str, denials: Sequence[Statement]) -> bool:
    """Return True if the last consent_cleanup took all these denials into account."""
    if not denials:
        return True
    made = instance.fetch_materializations(
        dg.AssetRecordsFilter(asset_key=dg.AssetKey(CLEANUP), asset_partitions=[recording_id]), limit=1
    ).records
    if not made or (materialization := made[0].asset_materialization) is None:
        return False
    if (considered := materialization.metadata.get("statements")) is not None:
        return {denial.seq for denial in denials} <= set(cast(list[int], considered.value))
    # Made by 0.2.0, when no statement could match a recording later.
    last = materialization.metadata.get("last_statement")
    return last is not None and isinstance(last.value, int) and last.value >= denials[-1].seq


def _is_partition(instance: dg.DagsterInstance, recording_id: str) -> bool:
    return instance.has_dynamic_partition(RECORDINGS, recording_id)
