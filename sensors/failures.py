"""The sensor that notifies operators of permanently failed recordings: one message each, edited later."""

import time
from collections.abc import Iterator

import dagster as dg
from pydantic import BaseModel, ValidationError

from domain import backoff
from domain.errors import ReflectorError, TransientError
from domain.notifications import failure_mark, failure_text, zulip_topic
from domain.recording import Recording, value_key
from reflector_assets import tags
from reflector_assets.eventlog.steps import failure_reason
from reflector_assets.operations.runs import is_to_be_repeated
from reflector_assets.records import RETRY_DECISION_S
from reflector_assets.settings.main import Settings
from resources.outgoing.zulip_messages import Messages
from resources.store.base import Store
from sensors.problems import Problems
from sensors.sensor import INTERVAL_S, sensor, why_operators_get_nothing

# The limits of one tick, in failures and seconds.
PAGE, TICK_BUDGET_S = 50, 25.0
# A new cursor starts this far in the past, so that the loss of a cursor loses no failure; messages are edited, not
# posted twice.
LOOKBACK_S = 86400.0
# Waits while Zulip doesn't answer, doubling from the first to the longest.
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 600.0


class Cursor(BaseModel):
    """The storage id of the last reported failure, the number of failed reports, and when the next one is due."""

    told: int = 0
    since: float = 0.0
    failures: int = 0
    not_before: float = 0.0
    problems: Problems = Problems()


def build(settings: Settings, settled_after: float = RETRY_DECISION_S) -> dg.SensorDefinition:
    """Return the sensor, which reports a failure `settled_after` seconds later, to the stream in the settings."""

    @sensor(
        "Posts to ZULIP_DAG_STREAM which recording failed permanently, at which step and why.",
        interval_s=INTERVAL_S,
        stopped=why_operators_get_nothing(settings),
    )
    def tell_failures(context: dg.SensorEvaluationContext, messages: Messages, store: Store) -> dg.SkipReason:
        now = time.time()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor(since=now - LOOKBACK_S)
        if now < cursor.not_before:
            return dg.SkipReason("Zulip didn't accept the last message; it is sent again later")
        summary = _report(context, cursor, messages, store, settings, now, now - settled_after)
        context.update_cursor(cursor.model_dump_json())
        return dg.SkipReason(summary)

    return tell_failures


def _report(
    context: dg.SensorEvaluationContext,
    cursor: Cursor,
    messages: Messages,
    store: Store,
    settings: Settings,
    now: float,
    settled: float,
) -> str:
    """Report failures after the cursor and up to the time `settled`; the cursor advances after each one.

    After an error Zulip is left alone for a while. A message that it refuses is sent again later, after the next ones.
    """
    instance, end, reported = context.instance, time.monotonic() + TICK_BUDGET_S, 0
    for recording_id in cursor.problems.due():
        if time.monotonic() > end:
            break
        [last] = instance.get_run_records(dg.RunsFilter(tags={tags.PARTITION: recording_id}), limit=1) or [None]
        with cursor.problems.isolate(recording_id, context.log):
            if last and last.dagster_run.status == dg.DagsterRunStatus.FAILURE:
                _post(instance, last.dagster_run, last.end_time or now, messages, store, settings)
                reported += 1
    for record, run in failed_for_good(instance, cursor.told, cursor.since, settled):
        if time.monotonic() > end or cursor.problems.is_full:
            break
        if run is not None:
            try:
                _post(instance, run, record.timestamp, messages, store, settings)
            except Exception as error:  # one message must not stop the others
                wait = backoff.delay(cursor.failures + 1, FIRST_WAIT_S, LONGEST_WAIT_S)
                retry_after = error.retry_after if isinstance(error, TransientError) else None
                cursor.failures += 1
                cursor.not_before = now + max(wait, retry_after or 0.0)
                if not isinstance(error, TransientError):
                    cursor.problems.add(run.tags[tags.PARTITION], error, context.log)
                    cursor.told = record.storage_id
                return f"{reported} reported; later: {error}"
            reported += 1
        cursor.told, cursor.failures = record.storage_id, 0
    return cursor.problems.summary() or f"{reported} permanent failures reported"


def failed_for_good(
    instance: dg.DagsterInstance, seen: int, since: float, settled: float
) -> Iterator[tuple[dg.EventLogRecord, dg.DagsterRun | None]]:
    """Yield the next page of failures after the one with storage id `seen`, or `since` a time, up to `settled`.

    With each comes its run, or None if the run has no recording, or if Dagster or `keep_up_to_date` resumes it. Times
    are in epoch seconds.
    """
    page = instance.fetch_run_status_changes(
        dg.RunStatusChangeRecordsFilter(
            event_type=dg.DagsterEventType.RUN_FAILURE,
            after_storage_id=seen or None,
            after_timestamp=None if seen else since,
        ),
        limit=PAGE,
        ascending=True,
    )
    for record in page.records:
        if record.timestamp > settled:
            return
        run = instance.get_run_by_id(record.event_log_entry.run_id)
        if run is None or tags.PARTITION not in run.tags or run.tags.get(tags.WILL_RETRY) == "true":
            yield record, None
        else:
            yield record, None if is_to_be_repeated(instance, run.run_id) else run


def _post(
    instance: dg.DagsterInstance, run: dg.DagsterRun, at: float, messages: Messages, store: Store, settings: Settings
) -> None:
    recording_id = run.tags[tags.PARTITION]
    step, reason = failure_reason(instance, run.run_id)
    content = failure_text(
        recording_id,
        room=_room(store, recording_id),
        step=step,
        reason=reason,
        run_url=f"{settings.dagster_url}/runs/{run.run_id}",
        at=at,
    )
    messages.post_or_edit(
        f"failure:{recording_id}",
        settings.zulip_dag_stream or "",
        zulip_topic(settings.zulip_dag_topic),
        content,
        mark=failure_mark(recording_id),
    )


def _room(store: Store, recording_id: str) -> str | None:
    """Return the room's name, or None if the store can't be read: that may be the failure to report."""
    try:
        return Recording.model_validate_json(store.read(value_key("recording", recording_id))).room_name
    except (ReflectorError, ValidationError):
        return None
