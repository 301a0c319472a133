"""The sensor that takes in what arrived: a partition and a run for each new recording, a reason for all else."""

import time
from collections.abc import Sequence

import dagster as dg
from pydantic import BaseModel

from domain import backoff
from domain.daily import Verdict, judge_event, judge_listed
from reflector_assets import tags
from reflector_assets.operations.runs import code_tag
from reflector_assets.partitions import RECORDINGS, recordings
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from resources.database.inbox import REPLAYED, Inbox, Item

OFF = "noted only: REFLECTOR_MODE is off; `reflector inbox replay` takes it in once that has changed"
# Items of one tick, and the seconds it may take.
BATCH, TICK_BUDGET_S = 200, 20.0
# Dagster's daemon takes some tenths of a second to make a run, and looks at this sensor again only after the last.
MOST_RUNS = 25
# Daily is asked again about an unfinished recording after so many seconds, doubling up to the longest, and given
# up on when so long went by since it arrived.
FIRST_WAIT_S, LONGEST_WAIT_S, PATIENCE_S = 15.0, 600.0, 3 * 86400.0


class Cursor(BaseModel):
    """The items that the last tick took in; they are settled once that tick is known to have come through."""

    taken: list[int] = []


def build(job_name: str, graph: AssetGraph, settings: Settings) -> dg.SensorDefinition:
    """Make the sensor for a job over this graph."""

    @dg.sensor(
        job_name=job_name,
        minimum_interval_seconds=1,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Drains the inbox: adds a partition and requests a run for each finished raw-tracks recording, "
        "puts unfinished ones off, and says why it ignores the rest.",
    )
    def discovery(context: dg.SensorEvaluationContext, inbox: Inbox) -> dg.SensorResult:
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        # A tick that died before Dagster added its partitions and runs has not moved the cursor: then nothing is
        # settled here, and its items are taken in again.
        inbox.settle(cursor.taken, "accepted")
        new, taken = _take_in(context.instance, inbox, settings)
        runs = [_first_run(graph, one) for one in new if not was_begun(context.instance, one)]
        return dg.SensorResult(
            dynamic_partitions_requests=[recordings.build_add_request(new)] if new else [],
            run_requests=runs,
            skip_reason=None if runs else f"nothing to begin; {len(taken)} known already",
            cursor=Cursor(taken=taken).model_dump_json(),
        )

    return discovery


def _take_in(instance: dg.DagsterInstance, inbox: Inbox, settings: Settings) -> tuple[list[str], list[int]]:
    """Judge what waits; returns the recordings that are new, and the items that are settled by taking them in."""
    end = time.monotonic() + TICK_BUDGET_S
    new: dict[str, None] = {}
    taken: list[int] = []
    for item in inbox.waiting(BATCH):
        if time.monotonic() >= end or len(new) >= MOST_RUNS:
            break
        verdict = judge_item(item, settings)
        if verdict.outcome == "unfinished":
            _put_off(inbox, item, verdict, settings)
        elif verdict.outcome != "accepted" or verdict.recording is None:
            inbox.settle([item.seq], "failed" if verdict.outcome == "failed" else "ignored", verdict.reason)
        elif settings.mode == "off":
            inbox.settle([item.seq], "ignored", OFF)
        elif item.reason != REPLAYED and _was_accepted(inbox.of_recording(verdict.recording.id)):
            inbox.settle([item.seq], "accepted", "the recording was taken in before")
        elif item.reason != REPLAYED and _was_retired(instance, verdict.recording.id):
            inbox.settle([item.seq], "accepted", "the recording was retired")
        else:
            new[verdict.recording.id] = None
            taken.append(item.seq)
    return list(new), taken


def judge_item(item: Item, settings: Settings, now: float | None = None) -> Verdict:
    """Say what becomes of an item of the inbox."""
    if item.source == "webhook":
        return judge_event(item.body, settings.daily_domain)
    now = time.time() if now is None else now
    patience_over = now - item.received_at > PATIENCE_S
    verdict = judge_listed(item.body, settings.daily_domain, patience_over=patience_over)
    start = verdict.recording.start_ts if verdict.recording else None
    oldest = now - settings.poll_days * 86400 if settings.poll_days else None
    if oldest is not None and start is not None and start < oldest and item.reason != REPLAYED:
        return Verdict("ignored", f"it began more than {settings.poll_days:g} days ago (REFLECTOR_POLL_DAYS)")
    if verdict.outcome == "unfinished" and patience_over:
        return Verdict("failed", f"{verdict.reason}, for more than {PATIENCE_S / 86400:g} days")
    return verdict


def _put_off(inbox: Inbox, item: Item, verdict: Verdict, settings: Settings) -> None:
    if settings.daily_api_key is None:
        reason = f"{verdict.reason}; without DAILY_API_KEY nobody can ask Daily again"
        inbox.settle([item.seq], "failed", reason)
        return
    wait = backoff.delay(item.attempts + 1, FIRST_WAIT_S, LONGEST_WAIT_S)
    inbox.ask_later(item.seq, time.time() + wait, verdict.reason)


def _was_accepted(items: Sequence[Item]) -> bool:
    return any(item.state == "accepted" for item in items)


def _was_retired(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Say whether a recording was here before and left the partitions (REFLECTOR_RETIRE_DAYS)."""
    return not instance.has_dynamic_partition(RECORDINGS, recording_id) and was_begun(instance, recording_id)


def was_begun(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Say whether a recording has a run or a result already, by an import or a command; then others look after it."""
    made = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id])
    runs = instance.get_runs_count(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
    return runs > 0 or bool(instance.fetch_materializations(made, limit=1).records)


def _first_run(graph: AssetGraph, recording_id: str) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=recording_id,
        # Requested twice, because a tick died between the run and its cursor, it runs once.
        run_key=recording_id,
        tags={tags.PRIORITY: tags.NEW, tags.CODE: code_tag(graph, graph.names())},
    )
