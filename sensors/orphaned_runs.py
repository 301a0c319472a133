"""The sensor that ends runs whose process is gone, so that Dagster's run retries resume them."""

import dagster as dg

from reflector_assets.operations.orphaned_runs import end_orphaned
from reflector_assets.records import IN_PROGRESS
from sensors.sensor import INTERVAL_S, sensor


@sensor(
    "Marks runs whose local process was killed as failed; Dagster's run retries then resume them.",
    interval_s=INTERVAL_S,
)
def end_orphaned_runs(context: dg.SensorEvaluationContext) -> dg.SkipReason:
    """Check every run in progress; the queue's limit bounds their number."""
    runs = context.instance.get_runs(dg.RunsFilter(statuses=IN_PROGRESS), limit=200)
    ended = end_orphaned(context.instance, runs)
    none = f"{len(runs)} runs in progress, none orphaned"
    return dg.SkipReason(f"ended orphaned runs: {', '.join(ended)}" if ended else none)
