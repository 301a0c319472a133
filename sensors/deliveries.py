"""The sensor that requests due webhooks and comparisons, each as a run of that asset alone."""

import time

import dagster as dg

from domain.errors import TransientError
from reflector_assets import tags
from reflector_assets.operations.runs import code_tags, in_progress
from reflector_assets.partitions import RECORDINGS
from reflector_assets.settings.main import Settings
from reflector_assets.staleness import AssetGraph
from resources.database.deliveries import Deliveries, Delivery, Kind
from sensors.problems import Problems
from sensors.sensor import INTERVAL_S, sensor, why_not_live

# The kind of delivery and the asset that makes an attempt, by mode.
ASSETS: dict[str, tuple[Kind, str]] = {
    "live": ("webhook", "webhook_delivery"),
    "shadow": ("comparison", "shadow_comparison"),
}
# Limits per tick; Dagster's daemon takes some tenths of a second to create a run.
MOST_RUNS, MOST_DELIVERIES = 25, 200
# A run that fails before its attempt leaves the delivery due: it is requested again every hour for a day.
AGAIN_AFTER_S, GIVEN_UP_AFTER_S = 3600.0, 86400.0


def build(job_name: str, graph: AssetGraph, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor for a job over this graph."""
    kind, asset = ASSETS.get(settings.mode, ("webhook", ""))

    @sensor(
        "Requests the next attempt of each webhook that is due, or in shadow mode of each comparison with the old "
        "system; their states are in the database.",
        job_name=job_name,
        interval_s=INTERVAL_S,
        stopped=None if asset else why_not_live(settings),
    )
    def deliver_webhooks(context: dg.SensorEvaluationContext, deliveries: Deliveries) -> dg.SensorResult:
        now = time.time()
        problems = Problems.model_validate_json(context.cursor or "{}")
        try:
            due = deliveries.due(kind, now, MOST_DELIVERIES)
        except TransientError as error:
            return dg.SensorResult(skip_reason=f"later: {error}")
        problems.keep_only({one.recording_id or "" for one in due})
        requests = _requests(context, graph, deliveries, due, asset, now, problems)
        return dg.SensorResult(
            run_requests=requests,
            skip_reason=None if requests else _idle(len(due), kind),
            cursor=problems.model_dump_json(),
        )

    return deliver_webhooks


def _idle(due: int, kind: Kind) -> str:
    return f"{due} due, of recordings with runs in progress" if due else f"no {kind} is due"


def _requests(
    context: dg.SensorEvaluationContext,
    graph: AssetGraph,
    deliveries: Deliveries,
    due: list[Delivery],
    asset: str,
    now: float,
    problems: Problems,
) -> list[dg.RunRequest]:
    instance = context.instance
    requests: list[dg.RunRequest] = []
    for delivery in due:
        recording_id, since = delivery.recording_id or "", now - (delivery.due_at or now)
        if problems.is_waiting(recording_id):
            continue
        with problems.isolate(recording_id, context.log):
            if not instance.has_dynamic_partition(RECORDINGS, recording_id):
                deliveries.give_up(recording_id, delivery.kind, "there is no such recording any more", now)
            elif since > GIVEN_UP_AFTER_S:
                deliveries.give_up(recording_id, delivery.kind, "its runs failed for a day before an attempt", now)
            elif in_progress(instance, recording_id) is None:
                requests.append(_request(graph, delivery, recording_id, asset, int(since // AGAIN_AFTER_S)))
        if len(requests) >= MOST_RUNS:
            break
    return requests


def _request(graph: AssetGraph, delivery: Delivery, recording_id: str, asset: str, again: int) -> dg.RunRequest:
    """Return a run that executes once per attempt; `due_at` distinguishes the attempts of a restarted schedule."""
    return dg.RunRequest(
        partition_key=recording_id,
        run_key=f"{delivery.key}:{delivery.attempts + 1}:{delivery.due_at:.3f}:{again}",
        asset_selection=[dg.AssetKey(asset)],
        tags={tags.PRIORITY: tags.NEW, **code_tags(graph, [asset])},
    )
