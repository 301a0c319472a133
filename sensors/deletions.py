"""The sensor that deletes recordings whose deletion was requested, until nothing is left of them."""

import time

import dagster as dg

from domain.errors import TransientError
from reflector_assets.operations.deletion import Eraser
from resources.call_cache import CallCache
from resources.database.deletions import Deletions
from resources.database.inbox import Inbox
from resources.outgoing.mode import OutgoingMode
from resources.outgoing.zulip_messages import Messages
from resources.source import Source
from resources.store.base import Store
from sensors.problems import Problems
from sensors.sensor import sensor

# The limits of one tick, in recordings and seconds, and the seconds to wait for a run that was told to end.
MOST, TICK_BUDGET_S, RUN_ENDS_S = 200, 20.0, 5.0


@sensor(
    "Deletes recordings whose deletion was requested by `DELETE /v1/transcripts/{id}` or by a command that was "
    "interrupted, and checks for two hours that nothing was written meanwhile.",
    interval_s=5,
)
def delete_recordings(
    context: dg.SensorEvaluationContext,
    store: Store,
    daily_bucket: Store,
    source: Source,
    inbox: Inbox,
    messages: Messages,
    call_cache: CallCache,
    leaving: OutgoingMode,
) -> dg.SensorResult | dg.SkipReason:
    """Delete what is due."""
    problems = Problems.model_validate_json(context.cursor or "{}")
    deletions = Deletions(database=inbox.database)
    try:
        due = deletions.due(time.time(), MOST)
    except TransientError as error:
        return dg.SkipReason(f"later: {error}")
    eraser = Eraser(context.instance, store, daily_bucket, source, inbox, messages, call_cache, leaving)
    problems.keep_only(due)
    end = time.monotonic() + TICK_BUDGET_S
    for recording_id in due:
        if time.monotonic() > end:
            break
        if problems.is_waiting(recording_id):
            continue
        with problems.isolate(recording_id, context.log):
            left = eraser.delete(recording_id, RUN_ENDS_S)
            context.log.info(f"{recording_id} was deleted; not deleted: {'; '.join(left) or 'nothing'}")
    return dg.SensorResult(skip_reason=problems.summary() or f"{len(due)} due", cursor=problems.model_dump_json())
