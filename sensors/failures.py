"""The sensor that tells operators of recordings whose runs failed for good: one message each, edited later."""

import time
from collections.abc import Iterator

import dagster as dg
from pydantic import BaseModel, ValidationError

from domain import backoff
from domain.errors import PermanentError, ReflectorError, TransientError
from domain.notifications import failure_mark, failure_text, zulip_topic
from domain.recording import Recording
from reflector_assets import tags
from reflector_assets.eventlog.steps import why
from reflector_assets.io_manager import value_key
from reflector_assets.records import RETRY_DECISION_S
from reflector_assets.settings.main import Settings
from resources.outgoing.zulip_messages import Messages
from resources.store.base import Store

# Failures of one tick, and the seconds it may take.
PAGE, TICK_BUDGET_S = 50, 25.0
# The first look reaches back so far; a lost cursor therefore loses nothing, and tells nothing twice.
FIRST_LOOK_S = 86400.0
# While Zulip doesn't answer, it is asked after 30 s, doubling up to 10 minutes.
FIRST_WAIT_S, LONGEST_WAIT_S = 30.0, 600.0


class Cursor(BaseModel):
    """The last failure that was told, as Dagster numbers it; how often telling failed, and when it is tried again."""

    told: int = 0
    since: float = 0.0
    failures: int = 0
    not_before: float = 0.0


def build(settings: Settings, settled_after: float = RETRY_DECISION_S) -> dg.SensorDefinition:
    """Make the sensor; the settings say where operators are told. A failure is told `settled_after` seconds later."""

    @dg.sensor(
        minimum_interval_seconds=5,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Posts to ZULIP_DAG_STREAM which recording failed for good, at which step and why.",
    )
    def tell_failures(context: dg.SensorEvaluationContext, messages: Messages, store: Store) -> dg.SkipReason:
        now = time.time()
        cursor = Cursor.model_validate_json(context.cursor) if context.cursor else Cursor(since=now - FIRST_LOOK_S)
        if not settings.zulip_dag_stream or not messages.zulip.is_set:
            return dg.SkipReason("ZULIP_DAG_STREAM or ZULIP_REALM isn't set: operators aren't told")
        if settings.mode != "live":
            return dg.SkipReason(f"REFLECTOR_MODE is {settings.mode}: nothing leaves")
        if now < cursor.not_before:
            return dg.SkipReason("Zulip didn't take the last message; it is asked again later")
        said = _tell(context.instance, cursor, messages, store, settings, now, now - settled_after)
        context.update_cursor(cursor.model_dump_json())
        return dg.SkipReason(said)

    return tell_failures


def _tell(
    instance: dg.DagsterInstance,
    cursor: Cursor,
    messages: Messages,
    store: Store,
    settings: Settings,
    now: float,
    settled: float,
) -> str:
    """Tell what failed since the cursor and up to `settled`; the cursor moves behind each failure that was told."""
    end, told = time.monotonic() + TICK_BUDGET_S, 0
    for record, run in failed_for_good(instance, cursor.told, cursor.since, settled):
        if time.monotonic() > end:
            break
        if run is not None:
            try:
                _post(instance, run, record.timestamp, messages, store, settings)
            except ReflectorError as error:
                wait = backoff.delay(cursor.failures + 1, FIRST_WAIT_S, LONGEST_WAIT_S)
                asked = error.retry_after if isinstance(error, TransientError) else None
                cursor.failures += 1
                cursor.not_before = now + max(wait, asked or 0.0)
                kind = "Zulip refuses" if isinstance(error, PermanentError) else "later"
                return f"{told} told; {kind}: {error}"
            told += 1
        cursor.told, cursor.failures = record.storage_id, 0
    return f"{told} told"


def failed_for_good(
    instance: dg.DagsterInstance, seen: int, since: float, settled: float
) -> Iterator[tuple[dg.EventLogRecord, dg.DagsterRun | None]]:
    """The next page of failures behind the one that Dagster numbers `seen`, or since a time, up to the time `settled`.

    With the run of each; None where it isn't a recording's, or Dagster resumes it. Times are in epoch seconds.
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
        ours = run is not None and tags.PARTITION in run.tags and run.tags.get(tags.WILL_RETRY) != "true"
        yield record, run if ours else None


def _post(
    instance: dg.DagsterInstance, run: dg.DagsterRun, at: float, messages: Messages, store: Store, settings: Settings
) -> None:
    recording_id = run.tags[tags.PARTITION]
    step, reason = why(instance, run.run_id)
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
    """The room's name, where it is known: an unreachable store may be the very failure that is to be told."""
    try:
        return Recording.model_validate_json(store.read(value_key("recording", recording_id))).room_name
    except (ReflectorError, ValidationError):
        return None
