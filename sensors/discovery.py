"""The sensor that processes the inbox: a partition and a run for each new recording, a reason for everything else."""

import time
from collections.abc import Sequence

import dagster as dg
from pydantic import BaseModel

from domain.consent import Meeting
from domain.daily import Verdict, judge_event, judge_listed
from reflector_assets import tags
from reflector_assets.operations.runs import code_tags
from reflector_assets.partitions import RECORDINGS, recordings
from reflector_assets.runtime.dagster_internals.code_server import pause
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from resources.daily.polling import GIVE_UP_AFTER_S, ask_later
from resources.database.consents import Consents
from resources.database.deletions import Deletions
from resources.database.inbox import REPLAYED, Inbox, Item
from sensors.problems import describe
from sensors.sensor import sensor
from sensors.waiting import TickWait

OFF = "only recorded: REFLECTOR_MODE is off; run `reflector inbox replay` after changing it"
# The limits of one tick, in items and seconds.
BATCH, TICK_BUDGET_S = 200, 20.0
# Dagster's daemon takes some tenths of a second to create a run, and evaluates this sensor again only after the last.
MOST_RUNS = 25


class Cursor(BaseModel):
    """The items that the last tick accepted; they are settled once that tick has succeeded."""

    taken: list[int] = []


def build(job_name: str, graph: AssetGraph, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor for a job over this graph."""
    wait = TickWait(settings.inbox_wait)

    @sensor(
        "Drains the inbox: adds a partition and requests a run for each finished raw-tracks recording, postpones "
        "unfinished ones, and records why it ignores the rest. Waits up to REFLECTOR_INBOX_WAIT seconds for arrivals.",
        job_name=job_name,
    )
    def discovery(context: dg.SensorEvaluationContext, inbox: Inbox, consents: Consents) -> dg.SensorResult:
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor()
        # A tick that died before Dagster created its partitions and runs hasn't advanced the cursor: then nothing is
        # settled here, and its items are processed again.
        inbox.settle(cursor.taken, "accepted")
        now = time.monotonic()
        end = now + wait.begin(now)
        new, taken = _process(context, inbox, consents, settings)
        while not new and inbox.wait(end - time.monotonic(), pause):
            new, taken = _process(context, inbox, consents, settings)
        stopped = " when the code server was stopped" if not new and time.monotonic() < end else ""
        runs = [
            _first_run(graph, recording_id) for recording_id in new if not has_begun(context.instance, recording_id)
        ]
        return dg.SensorResult(
            dynamic_partitions_requests=[recordings.build_add_request(new)] if new else [],
            run_requests=runs,
            skip_reason=None if runs else f"the inbox had no new recording, and {len(taken)} known ones{stopped}",
            cursor=Cursor(taken=taken).model_dump_json(),
        )

    return discovery


def _process(
    context: dg.SensorEvaluationContext, inbox: Inbox, consents: Consents, settings: Settings
) -> tuple[list[str], list[int]]:
    """Judge the waiting items; return the new recordings, and their items.

    Each description can have an id of the meeting that earlier ones didn't have, and that a consent statement names.
    """
    instance = context.instance
    end = time.monotonic() + TICK_BUDGET_S
    new: dict[str, None] = {}
    taken: list[int] = []
    deletions = Deletions(database=inbox.database)
    for item in inbox.waiting(BATCH):
        if time.monotonic() >= end or len(new) >= MOST_RUNS:
            break
        if item.recording_id is not None and deletions.get(item.recording_id) is not None:
            inbox.erase(item.recording_id)
            continue
        try:
            verdict = judge_item(item, settings)
        except Exception as error:  # one item must not stop the others
            verdict = Verdict("failed", describe(error, item.recording_id))
            context.log.exception(f"item {item.seq} of the inbox: {verdict.reason}")
        if verdict.recording is not None and verdict.outcome in {"accepted", "unfinished"}:
            consents.identify(Meeting.of(verdict.recording))
        if verdict.outcome == "unfinished":
            _postpone(inbox, item, verdict, settings)
        elif verdict.outcome != "accepted" or verdict.recording is None:
            inbox.settle([item.seq], "failed" if verdict.outcome == "failed" else "ignored", verdict.reason)
        elif settings.mode == "off":
            inbox.settle([item.seq], "ignored", OFF)
        elif item.reason != REPLAYED and _was_accepted(inbox.of_recording(verdict.recording.id)):
            inbox.settle([item.seq], "accepted", "the recording was accepted before")
        elif item.reason != REPLAYED and _was_retired(instance, verdict.recording.id):
            inbox.settle([item.seq], "accepted", "the recording was retired")
        else:
            new[verdict.recording.id] = None
            taken.append(item.seq)
    return list(new), taken


def judge_item(item: Item, settings: Settings, now: float | None = None) -> Verdict:
    """Return the verdict on an item of the inbox."""
    if item.source == "webhook":
        return judge_event(item.body, settings.daily_domain)
    now = time.time() if now is None else now
    give_up = now - item.received_at > GIVE_UP_AFTER_S
    verdict = judge_listed(item.body, settings.daily_domain, patience_over=give_up)
    start = verdict.recording.start_ts if verdict.recording else None
    oldest = now - settings.poll_days * 86400 if settings.poll_days else None
    if oldest is not None and start is not None and start < oldest and item.reason != REPLAYED:
        return Verdict("ignored", f"it began more than {settings.poll_days:g} days ago (REFLECTOR_POLL_DAYS)")
    if verdict.outcome == "unfinished" and give_up:
        return Verdict("failed", f"{verdict.reason}, for more than {GIVE_UP_AFTER_S / 86400:g} days")
    return verdict


def _postpone(inbox: Inbox, item: Item, verdict: Verdict, settings: Settings) -> None:
    if settings.daily_api_key is None:
        reason = f"{verdict.reason}; without DAILY_API_KEY Daily can't be queried again"
        inbox.settle([item.seq], "failed", reason)
        return
    ask_later(inbox, item, verdict.reason)


def _was_accepted(items: Sequence[Item]) -> bool:
    return any(item.state == "accepted" for item in items)


def _was_retired(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Return True if a recording was removed from the partitions (REFLECTOR_RETIRE_DAYS)."""
    return not instance.has_dynamic_partition(RECORDINGS, recording_id) and has_begun(instance, recording_id)


def has_begun(instance: dg.DagsterInstance, recording_id: str) -> bool:
    """Return True if a recording has a run or a result, for example by an import or a command."""
    made = dg.AssetRecordsFilter(asset_key=dg.AssetKey("recording"), asset_partitions=[recording_id])
    runs = instance.get_runs_count(dg.RunsFilter(tags={tags.PARTITION: recording_id}))
    return runs > 0 or bool(instance.fetch_materializations(made, limit=1).records)


def _first_run(graph: AssetGraph, recording_id: str) -> dg.RunRequest:
    return dg.RunRequest(
        partition_key=recording_id,
        # If a tick dies between requesting the run and storing its cursor, the repeated request has no effect.
        run_key=recording_id,
        tags={tags.PRIORITY: tags.NEW, **code_tags(graph, graph.names())},
    )
